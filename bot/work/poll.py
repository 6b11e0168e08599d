"""Fetches what contacts did on Telegram. The offset moves on only when an update is kept, so that a kill loses none."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from telegram.error import Conflict, InvalidToken, TelegramError

from bot.channels.base import Finish, Keep
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_client import Flooded
from bot.channels.telegram_parse import chat_of
from bot.errors import StorageDown
from bot.logs import open_log
from bot.work.loops import pause, unless_stopped
from bot.work.together import LOOK_EVERY_S, Processes

log = open_log(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
CHATS_AT_ONCE: Final = 64
OTHERS_WAIT_S: Final = 0.5
"""So long what others write waits for a slow chat; then it is fetched beside it."""


@dataclass(kw_only=True)
class Poller:
    """Polls one bot account, while this process leads its channel: Telegram refuses two that poll.

    chance gives a number from 0 to 1, so that many bots do not knock at the same moment. _busy holds, by chat, what
    handles its updates; _handled the numbers of updates that wait for an earlier one before they are acknowledged.
    """

    channel: TelegramChannel
    keep: Keep
    chance: Callable[[], float]
    processes: Processes
    first_wait_s: float = FIRST_WAIT_S
    _offset: int | None = None
    _has_begun: bool = False
    _busy: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _handled: set[int] = field(default_factory=set)
    _at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHATS_AT_ONCE))

    async def run(self, stop: asyncio.Event) -> None:
        """Polls until stop is set; whatever fails is tried again, later and later."""
        try:
            await self._poll(stop)
        finally:
            await self._break_off()

    async def _poll(self, stop: asyncio.Event) -> None:
        wait_s = self.first_wait_s
        while not stop.is_set():
            if not self.processes.leads(self.channel.name):
                self._offset = None  # another process goes on from what Telegram remembers
                self._handled.clear()
                await pause(LOOK_EVERY_S, stop)
                continue
            least_s = await unless_stopped(self._once(), stop)
            if least_s is None:
                wait_s = self.first_wait_s
                continue
            await pause(max(least_s, wait_s * (0.5 + self.chance())), stop)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _once(self) -> float | None:
        """Fetches, keeps and handles what waits; None where that went well, else the least seconds to wait."""
        try:
            if not self._has_begun:  # a webhook of an earlier start would forbid it
                await self.channel.bot.delete_webhook(drop_pending_updates=False)
                self._has_begun = True
            await self._take(await self.channel.fetch(self._offset))
        except Flooded as error:
            log.warning("telegram_429", seconds=error.retry_after_s)
            return error.retry_after_s
        except Conflict:
            log.error("telegram_409")
        except InvalidToken:
            log.error("telegram_401")
        except TelegramError as error:
            log.warning("telegram_unreachable", error=error)
        except StorageDown as error:
            log.error("storage_down", error=error)
        except Exception as error:  # noqa: BLE001 - the top of a worker: one that ends would leave contacts unheard
            log.error("telegram_poll_failed", error=error)
        else:
            return None
        return 0.0

    async def _take(self, updates: list[dict[str, Any]]) -> None:
        """Keeps updates, then handles those of one chat in order and of several chats at the same time.

        A slow chat is not awaited for long: its later updates stay with Telegram, which gives the first hundred from
        the offset on each time, and so those of others too.

        Raises:
            StorageDown: none is kept; the offset stands.
        """
        chats: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for update in updates:
            if update["update_id"] not in self._handled:
                chats[chat_of(update)].append(update)
        free = {chat: waiting for chat, waiting in chats.items() if chat not in self._busy}
        raw_of = {str(update["update_id"]): _raw_of(update) for waiting in free.values() for update in waiting}
        finish_of = await self.keep(self.channel.name, self.channel.account, raw_of) if raw_of else {}
        for chat, waiting in free.items():
            self._busy[chat] = asyncio.create_task(self._handle_chat(waiting, finish_of))
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=OTHERS_WAIT_S)
        self._busy = {chat: task for chat, task in self._busy.items() if not task.done()}
        for update in updates:  # in the order in which Telegram gave them, which is that of their numbers
            if update["update_id"] not in self._handled:
                break
            self._handled.remove(update["update_id"])
            self._offset = update["update_id"] + 1

    async def _handle_chat(self, updates: list[dict[str, Any]], finish_of: Mapping[str, Finish]) -> None:
        """Handles them in order; at one that fails the chat rests, alone, and is then fetched again from there on."""
        try:
            async with self._at_once:
                for update in updates:
                    async with self.channel.attending(update):
                        await finish_of[str(update["update_id"])]()
                    self._handled.add(update["update_id"])
            return
        except StorageDown as error:
            log.error("storage_down", error=error)
        except Exception as error:  # noqa: BLE001 - the top of a worker: whatever fails comes again
            log.error("telegram_poll_failed", error=error)
        await asyncio.sleep(self.first_wait_s)

    async def _break_off(self) -> None:
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)


def _raw_of(update: dict[str, Any]) -> bytes:
    return json.dumps(update, ensure_ascii=False).encode("utf-8", "replace")
