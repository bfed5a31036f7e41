"""What Prometheus is told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Now:
    """How much there is of everything at a moment.

    Attributes:
        images: that are open.
        images_bytes: what they take on disk.
        features_bytes: memory of encoded frames.
        waiting: sentences that wait for the network.
        failures: readers that died or were late, so far.
        jobs: how many, by state.
    """

    images: int
    images_bytes: int
    features_bytes: int
    waiting: int
    failures: int
    jobs: "Mapping[str, int]"


class Metrics:
    """Counters of one server, of which several may run in a process (as tests do)."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second line for each that nobody reads
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        names = ("route", "method", "status")
        self._requests = Counter("lexseg_requests", "Requests answered", names, registry=self.registry)
        self._seconds = Histogram(
            "lexseg_request_seconds", "From a request's head to the answer's end", ("route",), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._refusals = Counter("lexseg_refusals", "Requests refused, by reason", ("code",), registry=self.registry)
        self._sizes = Histogram(
            "lexseg_batch_sentences", "Sentences that went through the network together", buckets=_SIZES,
            registry=self.registry,
        )  # fmt: skip
        self._run = Histogram(
            "lexseg_batch_seconds", "Time of a run of the network, with what belongs to it", buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._wrong = Counter("lexseg_tokens_wrong", "Requests with a wrong token or none", registry=self.registry)
        self._held = Counter(
            "lexseg_tokens_held_seconds", "For which answers to wrong tokens were held back", registry=self.registry
        )
        self._unaudited = Counter(
            "lexseg_audit_lines_lost", "Lines that the audit log could not take", registry=self.registry
        )
        self._encoded = Counter("lexseg_frames_encoded", "Frames that were encoded", registry=self.registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered, and the seconds it took."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refusal(self, code: str) -> None:
        """Count a request that was refused, by why."""
        self._refusals.labels(code).inc()

    def wrong_token(self, held: float) -> None:
        """A token was wrong, and its answer held back for so many seconds."""
        self._wrong.inc()
        self._held.inc(held)

    def unaudited(self) -> None:
        """A line of the audit log could not be written."""
        self._unaudited.inc()

    def batch(self, sentences: int, encoded: int, seconds: float) -> None:
        """Count one run of the network, and how many questions it answered."""
        self._sizes.observe(sentences)
        self._encoded.inc(encoded)
        self._run.observe(seconds)

    def watch(self, now: "Callable[[], Now]") -> None:
        """Tell how many of everything there are, too, whenever Prometheus asks."""
        self.registry.register(_Gauges(now))

    def text(self) -> bytes:
        """All counts in Prometheus's own form."""
        return generate_latest(self.registry)


class _Gauges(Collector):
    """What is there at the moment that Prometheus asks."""

    def __init__(self, now: "Callable[[], Now]") -> None:
        self._now = now

    def collect(self) -> "Iterable[GaugeMetricFamily]":
        now = self._now()
        yield _gauge("lexseg_images_open", "Images that are open", now.images)
        yield _gauge("lexseg_images_bytes", "What they take on disk", now.images_bytes)
        yield _gauge("lexseg_features_bytes", "Memory of encoded frames", now.features_bytes)
        yield _gauge("lexseg_sentences_waiting", "Sentences that wait for the network", now.waiting)
        yield _gauge("lexseg_readers_failed", "Readers that died or were late, so far", now.failures)
        jobs = GaugeMetricFamily("lexseg_jobs", "Jobs by state", labels=["state"])
        for state, count in now.jobs.items():
            jobs.add_metric([state], count)
        yield jobs


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)
