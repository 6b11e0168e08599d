"""The figures: labels come from short lists, and say nothing about anybody."""

from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import IngestFailure, Metrics, QueueFigures, RasaFailure, SendResult
from bot.model import ChannelName

ALLOWED = {
    "channel": set(get_args(ChannelName)),
    "result": set(get_args(SendResult)),
    "reason": {*get_args(IngestFailure), *get_args(RasaFailure)},
}
QUEUE = QueueFigures(outbound=3, oldest_s=1.5, quarantined=2, undelivered=1)


def figures(metrics: Metrics) -> dict[str, float]:
    """Every figure without labels, and the sum of those that have some."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.render(QUEUE).decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_what_happens_is_counted() -> None:
    metrics = Metrics()
    metrics.sent("telegram", "sent")
    metrics.sent("telegram", "retry")
    metrics.handled("web", 0.2)
    metrics.ingest_failed("telegram", "quarantined")
    metrics.rasa_failed("timeout")

    found = figures(metrics)
    assert found["returnee_bot_sends_total"] == 2
    assert (found["returnee_bot_handle_seconds_count"], found["returnee_bot_handle_seconds_sum"]) == (1, 0.2)
    assert found["returnee_bot_ingest_failures_total"] == 1
    assert found["returnee_bot_rasa_failures_total"] == 1


def test_the_queues_are_those_of_the_database() -> None:
    found = figures(Metrics())

    assert found["returnee_bot_outbound_queued"] == 3
    assert found["returnee_bot_outbound_oldest_seconds"] == 1.5
    assert found["returnee_bot_updates_quarantined"] == 2
    assert found["returnee_bot_conversations_undelivered"] == 1


def test_labels_are_of_the_lists_alone() -> None:
    metrics = Metrics()
    for channel in get_args(ChannelName):
        metrics.handled(channel, 1)
        for result in get_args(SendResult):
            metrics.sent(channel, result)
        for reason in get_args(IngestFailure):
            metrics.ingest_failed(channel, reason)

    for family in text_string_to_metric_families(metrics.render(QUEUE).decode()):
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert name == "le" or value in ALLOWED[name]


@pytest.mark.parametrize("value", ["+85512345678", "ខ្មែរ"])
def test_a_label_that_is_not_on_its_list_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics().sent("telegram", value)  # type: ignore[arg-type]


def test_two_processes_in_one_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.sent("web", "sent")

    assert figures(other)["returnee_bot_sends_total"] == 0
