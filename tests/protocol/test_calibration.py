"""Calibration recovers a known temperature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from skelzero.errors import UserError
from skelzero.protocol.calibration import expected_calibration_error, fit_calibration


def sampled(temperature: float, n: int = 4000, k: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((n, k))
    p = softmax(logits, axis=-1)
    y = np.array([rng.choice(k, p=row) for row in p])
    return logits * temperature, y


@pytest.mark.parametrize("temperature", [0.02, 1.0, 30.0])
def test_the_true_temperature_is_found(temperature: float) -> None:
    scores, y = sampled(temperature)
    fitted = fit_calibration(scores, y)
    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.error < 0.03


def test_calibration_error_by_hand() -> None:
    p = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    y = np.array([0, 1, 0, 0])
    assert expected_calibration_error(p, y) == pytest.approx(0.5 * abs(0.95 - 0.5) + 0.5 * abs(0.65 - 1.0))


def test_nothing_to_calibrate_on_is_a_users_error() -> None:
    with pytest.raises(UserError, match="calibrate"):
        fit_calibration(np.zeros((0, 3)), np.zeros(0, dtype=int))
