"""A local Binance spot exchange: a deterministic heart and the servers around it."""
