"""Measures Leeward against its targets and, side by side, against vectorbt and backtesting.py."""
