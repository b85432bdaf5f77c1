"""Where an account's records are kept: SQLite or PostgreSQL, behind one class."""
