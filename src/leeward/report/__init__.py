"""Results as files and terminal tables."""
