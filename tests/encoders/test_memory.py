from __future__ import annotations

import sys

import pytest

from skelzero.encoders import memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_freed_memory_is_kept_and_given_back() -> None:
    assert memory.keep_freed_memory() in (True, False)
    with memory.reused_memory():
        pass
    memory.release()


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed_memory() is False
    memory.release()
