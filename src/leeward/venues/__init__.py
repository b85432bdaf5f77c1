"""Exchanges: codecs, thin REST and stream clients, and what keeps them within the limits."""
