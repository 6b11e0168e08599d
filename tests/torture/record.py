"""Compares what people sent and what the platform took with what the database holds: what was lost, doubled, turned."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.settings import Settings
from bot.storage import dialects
from bot.storage.contacts import ref_of
from bot.storage.messages import external_mark
from bot.storage.tables import contacts, conversations, messages, outbound
from bot.storage.vault import carry, open_vault

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A message of the database, with how far it went if it is the bot's."""

    chat: str
    seq: int
    author: str
    external_id: str | None
    body: str
    send_class: str | None
    status: str | None
    attempts: int
    platform_id: str | None


@dataclass(kw_only=True)
class Findings:
    """What is wrong; all lists are empty where the promises hold."""

    lost: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    handled_twice: list[str] = field(default_factory=list)
    inbound_turned: list[str] = field(default_factory=list)
    a_lost: list[str] = field(default_factory=list)
    b_doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    outbound_turned: list[str] = field(default_factory=list)
    a_doubled: int = 0
    b_maybe: int = 0
    updates: int = 0
    messages: int = 0

    @property
    def faults(self) -> dict[str, int]:
        """How many of each kind, of those that must not be."""
        kinds = (
            "lost",
            "unanswered",
            "handled_twice",
            "inbound_turned",
            "a_lost",
            "b_doubled",
            "unexplained",
            "outbound_turned",
        )
        return {kind: len(getattr(self, kind)) for kind in kinds if getattr(self, kind)}

    def __str__(self) -> str:
        more = f"{self.a_doubled} class A doubled in flight, {self.b_maybe} class B given up in flight"
        return f"{self.faults or '0 faults'}; {self.updates} updates, {self.messages} messages taken; {more}"


def rows_of(database_url: str, data_dir: Path, fed: Iterable[str] = ()) -> list[Row]:
    """All messages, by conversation, in order; data_dir holds the keys, fed are the names that marks may stand for."""
    engine = dialects.create_engine(dialects.parse_database_url(database_url), connections=1, read_only=True)
    query = (
        sa.select(
            contacts.c.id.label("contact_id"),
            contacts.c.ref,
            messages.c.id,
            messages.c.conversation_id,
            messages.c.seq,
            messages.c.author,
            messages.c.external_id,
            messages.c.body,
            outbound.c.send_class,
            outbound.c.status,
            outbound.c.attempts,
            outbound.c.platform_id,
        )
        .select_from(messages)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(contacts, contacts.c.id == conversations.c.contact_id)
        .outerjoin(outbound, outbound.c.message_id == messages.c.id)
        .order_by(contacts.c.id, messages.c.seq)
    )
    with closing(open_vault(Settings(data_dir=data_dir))) as vault, carry(engine, vault).begin() as tx:
        named: dict[str | None, str] = {external_mark(vault, name): name for name in fed}
        found = [
            Row(
                chat=ref_of(tx, row.contact_id, row.ref),
                seq=row.seq,
                author=row.author,
                external_id=named.get(row.external_id, row.external_id),
                body=vault.open(row.conversation_id, "messages", "body", row.id, row.body),
                send_class=row.send_class,
                status=row.status,
                attempts=row.attempts or 0,
                platform_id=row.platform_id,
            )
            for row in tx.execute(query)
        ]
    engine.dispose()
    return found


def compare(fed: Mapping[str, Sequence[str]], rows: Iterable[Row], record: Iterable[Json], intros: int = 1) -> Findings:
    """What is wrong.

    Args:
        fed: the external ids of the messages of each chat, in the order in which they were sent.
        rows: what the database holds.
        record: what the platform took, in its order.
        intros: how many messages more than one the bot may say to the first message of a chat.
    """
    findings = Findings(updates=sum(map(len, fed.values())))
    by_chat: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_chat[row.chat].append(row)
    taken: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for call in record:
        if call["method"] == "sendmessage":
            taken[str(call["chat_id"])].append((str(call["message_id"]), call["params"]["text"]))
    findings.messages = sum(map(len, taken.values()))
    for chat, external_ids in fed.items():
        _compare_inbound(findings, chat, external_ids, by_chat[chat], intros)
        _compare_outbound(findings, chat, [row for row in by_chat[chat] if row.author == "bot"], taken[chat])
    return findings


def _compare_inbound(findings: Findings, chat: str, external_ids: Sequence[str], rows: list[Row], intros: int) -> None:
    heard = [row.external_id for row in rows if row.author == "contact"]
    findings.lost += [name for name in external_ids if name not in set(heard)]
    findings.handled_twice += [str(name) for name, times in Counter(heard).items() if times > 1]
    if [name for name in external_ids if name in set(heard)] != heard:
        findings.inbound_turned.append(chat)
    replies: list[int] = []
    for row in rows:
        if row.author == "contact":
            replies.append(0)
        elif replies:
            replies[-1] += 1
    for place, said in enumerate(replies):
        if said > 1 + (0 if place else intros):
            findings.handled_twice.append(f"{chat}: {said} replies to one message")
        if not said:
            findings.unanswered.append(chat)


def _compare_outbound(findings: Findings, chat: str, rows: list[Row], taken: list[tuple[str, str]]) -> None:
    place = {message_id: number for number, (message_id, _) in enumerate(taken)}
    sent = [row for row in rows if row.status == "sent"]
    findings.a_lost += [
        f"{chat}:{row.seq} {row.status}" for row in rows if row.send_class == "A" and row.status != "sent"
    ]
    findings.b_maybe += sum(row.status == "maybe_sent" for row in rows)
    findings.a_lost += [f"{chat}:{row.seq} never taken" for row in sent if row.platform_id not in place]
    places = [place[row.platform_id] for row in sent if row.platform_id in place]
    if places != sorted(places) or len(set(places)) != len(places):
        findings.outbound_turned.append(chat)
    known = {row.platform_id for row in sent}
    again = Counter(row.body for row in rows if row.send_class == "A" and row.attempts > 1)
    maybe = Counter(row.body for row in rows if row.status == "maybe_sent")
    only_b = {row.body for row in rows if row.send_class == "B"}
    for message_id, words in taken:
        if message_id in known:
            continue
        if maybe[words]:
            maybe[words] -= 1
        elif again[words]:
            findings.a_doubled += 1
        elif words in only_b:
            findings.b_doubled.append(f"{chat}: {words[:20]}")
        else:
            findings.unexplained.append(f"{chat}: {words[:20]}")
