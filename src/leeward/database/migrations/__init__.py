"""Alembic revisions, one file each; written by hand, never changed once released."""
