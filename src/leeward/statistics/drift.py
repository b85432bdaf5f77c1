"""Whether what a model sees now still looks like what it was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn

_LEVELS = np.linspace(0.1, 0.9, 9)


def deciles(values: NDArray[np.floating]) -> FloatColumn:
    """Returns the nine values that cut the finite ones into tenths; NaN where there is none."""
    known = np.asarray(values, np.float64)[np.isfinite(values)]
    return np.quantile(known, _LEVELS) if len(known) else np.full(len(_LEVELS), np.nan)


def stability_index(values: NDArray[np.floating], reference: FloatColumn) -> float | None:
    """Returns the population stability index (PSI) of the values against nine reference deciles.

    The sum over ten bins of (share - expected) * ln(share / expected): 0 where the shares are as
    expected; below 0.1 is usually called stable, above 0.25 shifted. Chance alone makes about 9 / n
    of n values. Deciles that are equal say nothing of how much lies on either side and are left
    out with what they part: a feature that was constant has an index of 0. Half a value is added to
    every bin, so that an empty one stays finite. Values that are not finite are left out; None
    without any, or where the reference is not finite. Source: Siddiqi, "Credit Risk Scorecards",
    2006.

    >>> tenths = np.arange(1.0, 10.0)
    >>> round(stability_index(np.arange(0.5, 10.0), tenths), 6)
    0.0
    >>> round(stability_index(np.arange(5.5, 10.0, 0.01), tenths), 1)
    2.6
    """
    known = np.asarray(values, np.float64)[np.isfinite(values)]
    if not len(known) or not np.isfinite(reference).all():
        return None
    edges, first, count = np.unique(reference, return_index=True, return_counts=True)
    single = count == 1
    cuts = np.concatenate([[0.0], _LEVELS[first[single]], [1.0]])
    expected = np.diff(cuts)
    bins = np.searchsorted(edges[single], known, side="left")
    counts = np.bincount(bins, minlength=len(expected)) + 0.5
    share = counts / counts.sum()
    return float(np.sum((share - expected) * np.log(share / expected)))
