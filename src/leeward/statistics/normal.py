"""The normal distribution."""

from __future__ import annotations

import math
from statistics import NormalDist


def normal_below(z: float) -> float:
    """Returns P(Z <= z) of a standard normal Z; exact also far down in the tail.

    >>> round(normal_below(-1.96), 4)
    0.025
    """
    # erfc keeps the lower tail, which 1 + erf would round away.
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def normal_quantile(probability: float) -> float:
    """Returns the z with P(Z <= z) = probability, which lies between 0 and 1 (both excluded).

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    return NormalDist().inv_cdf(probability)


def two_sided(confidence: float) -> float:
    """Returns the z with P(-z <= Z <= z) = confidence."""
    return normal_quantile(0.5 + 0.5 * confidence)
