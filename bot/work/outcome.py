"""What became of one send: decided here, and written down."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from bot.errors import SendError, SendRetryable
from bot.logs import open_log
from bot.model import SendClass
from bot.storage import holds, outbound
from bot.storage.outbound import Destination, OutboundRow
from bot.work.retry import delay_before_retry, gives_up

log = open_log(__name__)

MOST_CRASHES: Final = 5


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one send; queued: to be tried again at not_before.

    answered says whether the platform did its part, None where it was not asked; hold_s, how long it wants to hear
    nothing, of this contact only or of anybody.
    """

    status: Literal["sent", "maybe_sent", "rejected", "failed", "queued"]
    platform_id: str | None = None
    error: str = ""
    not_before: datetime | None = None
    hold_s: float = 0.0
    chat_only: bool = False
    answered: bool | None = True


def outcome_of(row: OutboundRow, error: SendError, *, now: datetime, chance: float) -> Outcome:
    """What becomes of a message that the channel did not take. chance: a number from 0 to 1."""
    if not isinstance(error, SendRetryable):
        return Outcome(status="rejected", error=str(error))
    outcome = Outcome(
        status="queued",
        error=error.reason,
        not_before=now + delay_before_retry(row.attempts, error.retry_after_s, chance=chance),
        hold_s=error.retry_after_s or 0.0,
        chat_only=error.chat_only,
        answered=error.retry_after_s is not None,
    )
    if error.maybe_sent and row.send_class is SendClass.B:
        return replace(outcome, status="maybe_sent")
    if gives_up(row.attempts, age=now - row.message.created_at):
        log.error("message_given_up", message_id=row.message.id, attempts=row.attempts)
        return replace(outcome, status="failed")
    return outcome


def outcome_of_crash(row: OutboundRow, error: Exception, *, now: datetime, chance: float) -> Outcome:
    """What becomes of a message whose sending failed by a fault of ours, after which those behind it wait no day."""
    log.error("send_crashed", message_id=row.message.id, attempts=row.attempts, error=error)
    if row.attempts >= MOST_CRASHES:
        return Outcome(status="failed", error=type(error).__name__)
    crashed = SendRetryable(type(error).__name__, maybe_sent=True)
    return replace(outcome_of(row, crashed, now=now, chance=chance), answered=True)


def write_down(
    tx: Connection,
    *,
    to: Destination,
    row: OutboundRow,
    outcome: Outcome,
    now: datetime,
    claim: Callable[[Connection], OutboundRow | None] | None,
) -> OutboundRow | None:
    """Keeps what became of the message, and claims the next in the same transaction if claim says how.

    Raises:
        StorageDown: nothing is kept.
    """
    message_id = row.message.id
    match outcome.status:
        case "sent":
            outbound.mark_sent(tx, message_id, platform_id=outcome.platform_id, now=now)
        case "maybe_sent":
            outbound.mark_maybe_sent(tx, message_id, error=outcome.error, now=now)
        case "rejected":
            outbound.mark_rejected(tx, message_id, error=outcome.error, now=now)
        case "failed":
            outbound.mark_failed(tx, message_id, error=outcome.error, now=now)
        case "queued":
            outbound.mark_retry(tx, message_id, not_before=outcome.not_before or now, error=outcome.error, now=now)
    if outcome.hold_s and not outcome.chat_only:
        holds.hold(tx, channel=to.channel, bot=to.bot, until=now + timedelta(seconds=outcome.hold_s))
    return claim(tx) if claim else None
