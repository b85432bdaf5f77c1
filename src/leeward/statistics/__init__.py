"""Performance figures: arrays in, numbers out."""
