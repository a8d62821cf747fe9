"""What the api counts and times of its requests, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Meter:
    """`path` is a route's, with its parameters by name, so that no id and no name is ever a label."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        where = registry if registry is not None else CollectorRegistry()
        self._requests = Histogram(
            "kanto_request_seconds",
            "Requests until their last byte; those that wait for a job as long as they wait.",
            ("path", "method", "status"),
            registry=where,
            buckets=BUCKETS,
        )
        self._open = Gauge("kanto_open_requests", "Requests under way.", registry=where)
        self._refusals = Counter("kanto_refusals", "Requests refused, by code.", ("code",), registry=where)

    def began(self) -> None:
        self._open.inc()

    def ended(self, path: str, method: str, status: int, seconds: float) -> None:
        self._open.dec()
        self._requests.labels(path, method, str(status)).observe(seconds)

    def refused(self, code: str) -> None:
        self._refusals.labels(code).inc()
