"""How many threads recognition uses."""

from __future__ import annotations

import torch
from threadpoolctl import threadpool_limits


def one_thread() -> None:
    """One thread for all numerical libraries of this process.

    Recognition is thousands of small operations, which further threads only hold up: on a busy machine they wait for
    each other ten times as long as they work. For programs; a library does not decide this for its user.
    """
    torch.set_num_threads(1)
    threadpool_limits(limits=1)
