"""What the bot says without being asked. conversation.py answers; this starts, and has to be far more careful."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from bot.content.store import ContentStore
from bot.flows.controls import NEXT_STEPS
from bot.flows.limits import STEPS_ALONE, said
from bot.flows.memory import Memory
from bot.flows.model import Action, Choice, Do
from bot.flows.tact import ask_vote
from bot.model import SendClass
from bot.replies import Desk, offered_after, write_drafts
from bot.storage import cases, contacts, conversations, messages, votes
from bot.storage.conversations import ConversationRow
from bot.storage.engine import Storage

VOTE_AFTER: Final = timedelta(minutes=30)
SILENT_FOR: Final = timedelta(minutes=10)
"""Who wrote so lately is in the middle of something."""


@dataclass(frozen=True, kw_only=True)
class Followups:
    """Starts messages. Built once by app.py from the parts it needs."""

    storage: Storage
    content: ContentStore
    staffed: bool
    crisis_phone: str
    now: Callable[[], datetime]
    choose_number: Callable[[int], int]
    wake: Callable[[UUID], None]

    async def ask_vote(self, conversation_id: UUID) -> bool:
        """Asks whether the last answer helped; False where it would be wrong to ask, or has been asked today."""
        asked = await self.storage.run(partial(_ask_vote, parts=self, conversation_id=conversation_id))
        if asked:
            self.wake(conversation_id)
        return asked

    async def tell_refused(self, message_id: UUID) -> None:
        """Says that the file of this message is not kept."""
        conversation_id = await self.storage.run(partial(_tell_refused, parts=self, message_id=message_id))
        if conversation_id:
            self.wake(conversation_id)


def _tell_refused(tx: Connection, *, parts: Followups, message_id: UUID) -> UUID | None:
    now, message = parts.now(), messages.get(tx, message_id)
    conversation = conversations.lock(tx, message.conversation_id) if message else None
    if message is None or conversation is None or message.seq <= conversation.hidden_seq:
        return None
    memory = Memory.read(conversation.language, conversation.state)
    if memory.pace.steps >= STEPS_ALONE:
        return None
    desk = _desk(parts, tx, conversation, message_id, now)
    drafts = [desk.draft(desk.words("file_refused"), NEXT_STEPS)]
    write_drafts(desk, conversation, conversation.last_seq + 1, drafts)
    kept = replace(memory, pace=said(memory.pace, 1), offered=offered_after(memory.offered, drafts)).write()
    conversations.save(tx, replace(conversation, state=kept, last_seq=conversation.last_seq + 1, updated_at=now))
    return conversation.id


def _desk(parts: Followups, tx: Connection, conversation: ConversationRow, message_id: UUID, now: datetime) -> Desk:
    return Desk(
        tx=tx,
        content=parts.content.current,
        language=conversation.language,
        conversation_id=conversation.id,
        message_id=message_id,
        pressed_on=None,
        now=now,
        staffed=parts.staffed,
        crisis_phone=parts.crisis_phone,
        choose_number=parts.choose_number,
    )


def _ask_vote(tx: Connection, *, parts: Followups, conversation_id: UUID) -> bool:
    now, conversation = parts.now(), conversations.lock(tx, conversation_id)
    if conversation is None or now - conversation.updated_at < SILENT_FOR or _is_with_people(tx, conversation):
        return False
    memory = Memory.read(conversation.language, conversation.state)
    tact = ask_vote(memory.tact, now)
    answer = messages.last_answer(tx, conversation_id)
    if tact is None or answer is None or memory.pace.steps >= STEPS_ALONE:
        return False
    if answer.seq <= conversation.hidden_seq or votes.is_given(tx, conversation_id, since=answer.created_at):
        return False
    desk = _desk(parts, tx, conversation, answer.id, now)
    about = answer.answer or ""
    choices = (
        Choice(action=Action(do=Do.HELPED, of=about), title="helped_button"),
        Choice(action=Action(do=Do.NOT_HELPED, of=about), title="not_helped_button"),
    )
    drafts = [desk.draft(desk.words("vote_question"), choices, SendClass.B)]
    write_drafts(desk, conversation, conversation.last_seq + 1, drafts)
    offered = offered_after(memory.offered, drafts)
    kept = replace(memory, tact=tact, pace=said(memory.pace, 1), offered=offered).write()
    conversations.save(tx, replace(conversation, state=kept, last_seq=conversation.last_seq + 1, updated_at=now))
    return True


def _is_with_people(tx: Connection, conversation: ConversationRow) -> bool:
    """Whether staff have, or are to have, a case of the contact, or the contact is gone."""
    waits = any(case.status != "resolved" for case in cases.of_conversation(tx, conversation.id))
    return waits or contacts.is_closed(
        tx, channel=conversation.channel, bot=conversation.bot, contact_ref=conversation.contact_ref
    )
