"""Indicators: columns in, columns out, each with its declared warm-up."""
