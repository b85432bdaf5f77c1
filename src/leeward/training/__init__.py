"""Models: labels, networks, training, judgement, export and promotion. Needs the extra `train`."""
