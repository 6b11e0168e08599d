"""Lets go of what is kept for a time only: rows deleted, keys destroyed, and no page of them left beside the file."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from bot.cases.retention import FORGOTTEN, NO_CASE, RAW_UPDATES, Kept, conversation_ends, kept
from bot.flows.memory import Memory
from bot.flows.model import STATE_VERSION
from bot.logs import open_log
from bot.storage import audit, conversations, erasures, legal_holds
from bot.storage import retention as looks
from bot.storage.engine import Storage
from bot.storage.keys import KeyStore
from bot.storage.retention import QuietRow
from bot.storage.updates import OWNER, key_owner

log = open_log(__name__)

OLDEST_NOW: Final = date(2026, 1, 1)
"""A clock that says an earlier day is wrong, and nothing is deleted by it."""
LEAPS_AT_MOST: Final = timedelta(days=30)
"""A clock that is so much later than the newest thing that came may have leapt: a person decides."""
BEHIND_AT_MOST: Final = timedelta(hours=1)
AT_ONCE: Final = 200
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something whose time is over: a case alone, or a conversation with all its cases; rule names the reason."""

    owner: UUID
    is_case: bool
    rule: str


def due_of(row: QuietRow, held: frozenset[UUID], now: datetime) -> tuple[Due, ...]:
    """What of a quiet conversation is to go: all of it, some of its cases, or nothing."""
    rules = [(case, kept(case, has_evidence=row.has_evidence, is_held=case.id in held)) for case in row.cases]
    ends = conversation_ends(row.updated_at, [rule for _, rule in rules])
    if ends is not None and ends <= now:
        last = max((rule for _, rule in rules), key=_until, default=Kept(rule="no_case", until=ends))
        return (Due(owner=row.id, is_case=False, rule=last.rule),)
    over = ((case, rule) for case, rule in rules if rule.until is not None and rule.until <= now)
    return tuple(Due(owner=case.id, is_case=True, rule=rule.rule) for case, rule in over)


def _until(rule: Kept) -> datetime:
    assert rule.until is not None  # noqa: S101 - a conversation with an endless case has no end
    return rule.until


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Lets go of everything whose time is over: safety.md, rule 20, by the rules of cases.retention.

    purge_rows deletes old updates and gives their number. The key of a day goes once every update of it is too old,
    so that backups of the data show nothing of them either. erase_due is told when something is put aside.
    """

    storage: Storage
    keys: KeyStore
    purge_rows: Callable[[], Awaitable[int]]
    erase_due: Callable[[], None]
    now: Callable[[], datetime]

    async def purge_updates(self) -> int:
        """Deletes old updates and destroys the keys of their days; gives the number of keys.

        Raises:
            StorageDown: some are left; the next time finds them.
        """
        now = self.now()
        if await self.clock_problem():
            log.error("clock_not_believed", day=now.date())
            return 0
        deleted = await self.purge_rows()
        first_kept = key_owner(now - RAW_UPDATES)
        old = [owner for owner in await asyncio.to_thread(self.keys.owners, OWNER) if owner < first_kept]
        if old:
            await asyncio.to_thread(self.keys.destroy, *old)
        if deleted or old:
            await self.storage.forget_deleted()
        return len(old)

    async def purge_records(self, *, clock_is_right: bool = False) -> Counter[str]:
        """Puts aside conversations and cases whose time is over; how many by each rule.

        clock_is_right: a person has looked at it.

        Raises:
            StorageDown: some are left; the next time finds them.
        """
        gone: Counter[str] = Counter()
        if not clock_is_right and await self.clock_problem():
            log.error("clock_not_believed", day=self.now().date())
            return gone
        now = self.now()
        await self.storage.run(partial(legal_holds.lapse, now=now))
        for due in await self.due():
            if await self.storage.run(partial(_put_aside, due=due, now=now)):
                gone[due.rule] += 1
        while ids := await self.storage.read(partial(looks.old_messages, before=now - NO_CASE, limit=AT_ONCE)):
            gone["message"] += await self.storage.run(partial(looks.delete_messages, ids=ids))
        for owner in await self.storage.read(partial(looks.forgotten, before=now - FORGOTTEN, limit=AT_ONCE)):
            forget = partial(erasures.put_aside, owner=owner, kind="conversation", reason="forgotten")
            await self.storage.run(partial(forget, due_at=now, now=now))
            gone["forgotten"] += 1
        if gone:
            await self.storage.forget_deleted()
            self.erase_due()
        return gone

    async def due(self) -> list[Due]:
        """Conversations and cases whose time is over; changes nothing."""
        now, found, after = self.now(), [], _FIRST
        held = await self.storage.read(looks.held_cases)
        while rows := await self.storage.read(partial(looks.quiet, since=now - NO_CASE, after_id=after, limit=AT_ONCE)):
            found += [due for row in rows for due in due_of(row, held, now)]
            after = rows[-1].id
        return found

    async def clock_problem(self) -> str:
        """What is wrong with the clock, or nothing."""
        now, newest = self.now(), await self.storage.read(looks.newest_moment)
        if now.date() < OLDEST_NOW:
            return f"the clock says {now.date()}"
        if newest and now < newest - BEHIND_AT_MOST:
            return f"the clock says {now:%Y-%m-%d %H:%M}, but something came at {newest:%Y-%m-%d %H:%M}"
        if newest and now > newest + LEAPS_AT_MOST:
            return f"the clock says {now.date()}, but nothing came since {newest.date()}"
        return ""


def _put_aside(tx: sa.Connection, *, due: Due, now: datetime) -> bool:
    """Puts one thing aside, unless somebody wrote in the meantime or a hold came."""
    if due.is_case:
        erasures.put_aside(tx, due.owner, kind="case", reason=due.rule, due_at=now, now=now)
        return True
    conversation = conversations.lock(tx, due.owner)
    if conversation is None or conversation.updated_at > now - NO_CASE:
        return False
    new = erasures.begin_anew(tx, conversation, reason=due.rule, due_at=now, now=now)
    memory = Memory.read(conversation.language, conversation.state).without_the_talk()
    conversations.save(
        tx, replace(new, state=memory.write(), state_version=STATE_VERSION, updated_at=conversation.updated_at)
    )
    deed = {"rule": due.rule}
    audit.append(
        tx, actor="returnee-bot", action="time_over", object=f"conversation {due.owner}", now=now, details=deed
    )
    return True
