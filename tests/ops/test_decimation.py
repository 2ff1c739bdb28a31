"""Decimation against SciPy."""

import jax
import numpy as np
import pytest

from jaxlisten.ops import decimate


@pytest.mark.parametrize(("time", "factor", "reach"), [(100, 2, 7), (101, 3, 20), (5, 2, 30), (64, 1, 0), (3, 5, 2)])
def test_decimation_equals_scipy(time, factor, reach):
    import scipy.signal

    rng = np.random.default_rng(time)
    x, taps = rng.standard_normal((2, time)).astype(np.float32), rng.standard_normal(2 * reach + 1)
    full = scipy.signal.upfirdn(taps, x.astype(np.float64))
    want = full[:, reach : reach + time : factor]
    got = jax.jit(lambda x: decimate(x, taps, factor))(x)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * np.abs(full).max())
