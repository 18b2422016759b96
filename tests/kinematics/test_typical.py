"""The scales that ship with the package are those of the measurements that ship with it."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
import yaml

from skelzero.kinematics.typical import measure_typical
from skelzero.text.attributes.schema import load_schema


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_typical_values_can_be_made_again() -> None:
    shipped = yaml.safe_load((resources.files("skelzero.text.attributes") / "typical.yaml").read_text(encoding="utf-8"))
    measured = measure_typical()
    assert list(shipped) == list(measured) == list(load_schema().names)
    for name, row in measured.items():
        np.testing.assert_allclose(row, shipped[name], atol=1e-3, err_msg=name)
