"""What comes with messages besides words: what is kept of it, and who may see it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection

from bot.cases import look_ups
from bot.media import BYTES_MOST, KEPT_KINDS
from bot.model import Attachment
from bot.storage import attachments, conversations, media
from bot.storage.media import MediaRow
from bot.storage.messages import MessageRow


def keep_attachment(tx: Connection, message: MessageRow, attachment: Attachment, *, now: datetime) -> None:
    """Keeps what came with the message, which is inserted; by the contact's own card they are found from then on."""
    attachments.keep(tx, message, attachment)
    _note_file(tx, message, attachment, now=now)
    if attachment.own:
        look_ups.note(tx, message.conversation_id, "phone", attachment.phone)


def _note_file(tx: Connection, message: MessageRow, attachment: Attachment, *, now: datetime) -> None:
    """Notes the file of the message: stored already, to be fetched, or too big to be kept."""
    if attachment.kind not in KEPT_KINDS:
        return
    if attachment.stored:
        name, size = UUID(hex=attachment.stored), attachment.size or 0
        media.keep(tx, name, message, attachment.kind, type=attachment.mime, size=size, now=now)
    elif attachment.file_id:
        new = uuid4()
        media.want(tx, new, message, attachment.kind, now=now)
        if (attachment.size or 0) > BYTES_MOST:
            media.mark_refused(tx, new, reason="too_big", now=now)


def find_own(conn: Connection, media_id: UUID, *, channel: str, bot: str, contact_ref: str) -> MediaRow | None:
    """The stored file, if this contact sent it and has not hidden it; who may not see it learns nothing of it."""
    row = media.find(conn, media_id)
    own = conversations.find(conn, channel=channel, bot=bot, contact_ref=contact_ref)  # type: ignore[arg-type]
    if row is None or own is None or row.conversation_id != own.id or row.status != "stored":
        return None
    return row if media.seq_of(conn, row) > own.hidden_seq else None
