"""The pages and the REST API: what they show, who may see it, and what may be asked of it."""
