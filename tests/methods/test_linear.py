"""The one ridge solution of all linear methods, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skelzero.methods import linear


@pytest.mark.parametrize("clips", [3, 7, 8, 16, 41], ids=lambda n: f"{n} clips")
@pytest.mark.parametrize("by_class", [True, False], ids=["classes", "clips"])
def test_ridge_is_scikit_learns(clips: int, by_class: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "BLOCK", 8)  # none, one and several blocks, whole and begun ones; more features too
    rng = np.random.default_rng(clips)
    x = rng.normal(size=(clips, 7)).astype(np.float32)
    row = rng.integers(0, 4, clips) if by_class else None
    target = rng.normal(size=(4 if by_class else clips, 3)).astype(np.float32)
    whole = target if row is None else target[row]
    for penalty in (0.01, 1.0):
        expected = Ridge(penalty * clips, fit_intercept=False).fit(x.astype(np.float64), whole).coef_.T
        found = linear.ridge(x, target, penalty, row)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
