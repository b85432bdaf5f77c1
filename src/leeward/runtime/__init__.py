"""The composition root: settings, clock, wiring, drivers."""
