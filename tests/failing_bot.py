"""The bot with two faults that no input can cause: a message that begins with POISON fails with its own words.

It fails as a bug of ours would: in the handling, and in a task that nobody waits for.
"""

import asyncio
from typing import Final

from bot.cli import main
from bot.conversation import Also, Conversations, Handled, nothing_more
from bot.model import Inbound, Text

POISON: Final = "poison "
_handle = Conversations.handle
_tasks: list[asyncio.Task[None]] = []


async def _fail(words: str) -> None:
    raise KeyError(words)


async def handle_or_fail(self: Conversations, inbound: Inbound, *, also: Also = nothing_more) -> Handled:
    """As Conversations.handle, but for poison."""
    match inbound.payload:
        case Text(text=words) if words.startswith(POISON):
            _tasks.append(asyncio.create_task(_fail(words)))
            await asyncio.sleep(0)
            _tasks.clear()
            raise ValueError(f"row of {words}")
    return await _handle(self, inbound, also=also)


if __name__ == "__main__":
    Conversations.handle = handle_or_fail  # type: ignore[method-assign]
    main()
