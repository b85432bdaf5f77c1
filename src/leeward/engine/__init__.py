"""The decision core: closed candles in, exits and entries out."""
