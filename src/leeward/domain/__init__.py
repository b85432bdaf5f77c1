"""The trader's words: prices, candles, frames, instruments, errors."""
