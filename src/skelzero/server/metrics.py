"""What the server counts of itself, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

BOUNDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Upper bounds of the buckets of request times, in seconds."""


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._killed: Counter[str] = Counter({"time": 0, "death": 0})

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request to a route (its pattern, never what a client typed) was answered."""
        self._requests[path, status] += 1
        self._seconds += seconds
        for bound in BOUNDS:
            self._buckets[bound] += seconds <= bound

    def killed(self, reason: str) -> None:
        """A worker was killed for its `time`, or found dead."""
        self._killed[reason] += 1

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """The page that Prometheus reads; `gauges` are further values (name: help, value)."""
        total = sum(self._requests.values())
        buckets = [(f'{{le="{bound:g}"}}', self._buckets[bound]) for bound in BOUNDS] + [('{le="+Inf"}', total)]
        seconds = [(f"_bucket{label}", value) for label, value in buckets]
        requests = [(f'{{route="{route}",status="{code}"}}', n) for (route, code), n in sorted(self._requests.items())]
        parts = [
            _family("skelzero_requests_total", "counter", "Requests by route and status.", requests),
            _family("skelzero_request_seconds", "histogram", "Time from the first byte to the answer.",
                    [*seconds, ("_sum", round(self._seconds, 6)), ("_count", total)]),
            _family("skelzero_workers_killed_total", "counter", "Workers that took too long or died.",
                    ((f'{{reason="{reason}"}}', n) for reason, n in sorted(self._killed.items()))),
        ]  # fmt: skip
        parts += [_family(f"skelzero_{name}", "gauge", about, [("", value)]) for name, (about, value) in gauges.items()]
        return "".join(parts)


def _family(name: str, kind: str, about: str, values: Iterable[tuple[str, float]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *(f"{name}{label} {value}" for label, value in values)]
    return "\n".join(lines) + "\n"
