"""The figures of one process for whoever watches it: Prometheus counters with labels from short lists only.

A module below its users, because web shows what work and conversation count.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.model import ChannelName

SendResult = Literal["sent", "maybe_sent", "rejected", "failed", "retry"]
IngestFailure = Literal["handler", "parse", "quarantined", "storage_down"]
RasaFailure = Literal["not_an_answer", "paused", "status", "timeout", "unreachable"]
CONTENT_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CHANNELS: Final = frozenset(get_args(ChannelName))
_RESULTS: Final = frozenset(get_args(SendResult))
_REASONS: Final = frozenset(get_args(IngestFailure))
_RASA_REASONS: Final = frozenset(get_args(RasaFailure))


@dataclass(frozen=True, kw_only=True)
class QueueFigures:
    """What only the database knows, at the moment somebody looks."""

    outbound: int
    oldest_s: float
    quarantined: int
    undelivered: int


class Metrics:
    """Counts what happens. One for each process, built by app.py; its registry is shared with nobody."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._handled = Histogram(
            "returnee_bot_handle_seconds",
            "Time from a message of a contact to the commit of its turn.",
            ("channel",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._sends = Counter(
            "returnee_bot_sends",
            "Attempts to send, by what became of them.",
            ("channel", "result"),
            registry=self.registry,
        )
        self._ingest_failures = Counter(
            "returnee_bot_ingest_failures",
            "Updates that failed, by why.",
            ("channel", "reason"),
            registry=self.registry,
        )
        self._rasa_failures = Counter(
            "returnee_bot_rasa_failures",
            "Messages that this process understood in the place of Rasa's server, by why.",
            ("reason",),
            registry=self.registry,
        )
        self._queue = self._gauge("outbound_queued", "Messages that are to be sent.")
        self._oldest = self._gauge("outbound_oldest_seconds", "How long the oldest message that may go now waits.")
        self._quarantined = self._gauge("updates_quarantined", "Updates that could not be handled.")
        self._undelivered = self._gauge("conversations_undelivered", "Conversations that miss a message.")
        for result in _RESULTS:  # shown from the start, so that a rate can be taken of the first one too
            for channel in _CHANNELS:
                self._sends.labels(channel, result)
        for reason in _RASA_REASONS:
            self._rasa_failures.labels(reason)

    def _counter(self, name: str, what: str, by: str) -> Counter:
        return Counter(f"returnee_bot_{name}", what, ("channel", by), registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"returnee_bot_{name}", what, registry=self.registry)

    def handled(self, channel: ChannelName, seconds: float) -> None:
        """A message was handled in so many seconds."""
        self._handled.labels(_on(_CHANNELS, channel)).observe(seconds)

    def sent(self, channel: ChannelName, result: SendResult) -> None:
        """A message was tried, with this result."""
        self._sends.labels(_on(_CHANNELS, channel), _on(_RESULTS, result)).inc()

    def ingest_failed(self, channel: ChannelName, reason: IngestFailure) -> None:
        """An update failed for this reason."""
        self._ingest_failures.labels(_on(_CHANNELS, channel), _on(_REASONS, reason)).inc()

    def rasa_failed(self, reason: RasaFailure) -> None:
        """Rasa's server did not understand a message, for this reason; “paused”: it was not asked."""
        self._rasa_failures.labels(_on(_RASA_REASONS, reason)).inc()

    def render(self, queue: QueueFigures) -> bytes:
        """Everything, in the text format of Prometheus."""
        self._queue.set(queue.outbound)
        self._oldest.set(queue.oldest_s)
        self._quarantined.set(queue.quarantined)
        self._undelivered.set(queue.undelivered)
        return generate_latest(self.registry)


def _on(allowed: frozenset[str], label: str) -> str:
    """The label, which must be on the list: types do not keep out what comes from a database."""
    if label not in allowed:
        raise ValueError("This is no label of ours.")
    return label
