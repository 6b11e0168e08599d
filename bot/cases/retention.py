"""How long what people told is kept, by kind: pure. A test compares the rules with docs/operator/retention.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.storage.cases import CaseRow

RAW_UPDATES: Final = timedelta(hours=72)
NO_CASE: Final = timedelta(hours=72)
"""What was said before, and without, any consent to keep it."""
FORGOTTEN: Final = timedelta(days=365)
"""Who never wrote again: the name on the channel, the language, and that they want no message, go too."""
LOCKED: Final = timedelta(hours=72)
"""An open case whose contact asked to delete it: whoever holds the phone may not be its owner."""
DRAFT: Final = timedelta(days=7)
DRAFT_WITH_EVIDENCE: Final = timedelta(days=60)
WAGE_CLAIM_CLOSED: Final = timedelta(days=365)
OTHER_CLOSED: Final = timedelta(days=90)

WAGE_CLAIM: Final = "wage_claim"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Until when a case is kept, by which rule; until is None while it is open, and for as long as it is held."""

    rule: str
    until: datetime | None


def kept(case: CaseRow, *, has_evidence: bool, is_held: bool) -> Kept:
    """How long this case is kept. A case is closed when its status last changed to resolved."""
    if is_held:
        return Kept(rule="legal_hold", until=None)
    match case.status, case.type:
        case "incomplete", _ if has_evidence:
            return Kept(rule="draft_with_evidence", until=case.updated_at + DRAFT_WITH_EVIDENCE)
        case "incomplete", _:
            return Kept(rule="draft", until=case.updated_at + DRAFT)
        case "resolved", type if type == WAGE_CLAIM:
            closed = case.updated_at + WAGE_CLAIM_CLOSED
            return Kept(rule="wage_claim_closed", until=max(closed, case.keep_until or closed))
        case "resolved", _:
            return Kept(rule="other_closed", until=case.updated_at + OTHER_CLOSED)
        case _:
            return Kept(rule="open", until=None)


def conversation_ends(last_heard_at: datetime, cases: Iterable[Kept]) -> datetime | None:
    """When the whole conversation goes: with the last of its cases, without one after 72 hours; None: not yet known."""
    until = last_heard_at + NO_CASE
    for case in cases:
        if case.until is None:
            return None
        until = max(until, case.until)
    return until
