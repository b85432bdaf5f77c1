"""Strategies: whole columns in, conditions and prices out; no loops, no state."""
