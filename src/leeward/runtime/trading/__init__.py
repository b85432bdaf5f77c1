"""The order path: what was decided becomes orders, fills and protection, and is written down."""
