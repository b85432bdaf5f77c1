"""Candle sources, the local candle store, gap checks, import and export."""
