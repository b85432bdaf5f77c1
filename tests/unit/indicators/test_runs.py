from __future__ import annotations

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.indicators.runs import over_runs

NAN = np.nan


def test_a_kernel_sees_each_run_that_outlasts_its_warm_up() -> None:
    seen = []

    def kernel(a: FloatColumn, b: FloatColumn, factor: float, out: FloatColumn) -> None:
        seen.append(a.tolist())
        out[2:] = factor * (a + b)[2:]

    # Runs of two, three and four rows; the inputs differ in where they are unknown.
    a = np.array([NAN, 1.0, 2.0, NAN, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    b = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, np.inf, 1.0, 1.0, 1.0, 1.0])
    (found,) = over_runs(kernel, [a, b], [10.0], 2)
    assert seen == [[3.0, 4.0, 5.0], [7.0, 8.0, 9.0, 10.0]]
    np.testing.assert_array_equal(found, [NAN] * 6 + [60.0] + [NAN] * 3 + [100.0, 110.0])


def test_a_column_as_short_as_the_warm_up_is_unknown() -> None:
    def kernel(*columns: FloatColumn) -> None:
        raise AssertionError(columns)

    assert np.isnan(over_runs(kernel, [np.ones(3)], [], 3)[0]).tolist() == [True] * 3
