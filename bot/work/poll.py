"""Fetches what contacts did on Telegram. The offset moves on only when an update is kept, so that a kill loses none."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(kw_only=True)
class Poller:
    """Polls one bot account, while this process leads its channel: Telegram refuses two that poll.

    chance gives a number from 0 to 1, so that many bots do not knock at the same moment.
    """

    channel: TelegramChannel
    keep: Keep
    chance: Callable[[], float]
    processes: Processes
    first_wait_s: float = FIRST_WAIT_S
    _offset: int | None = None
    _has_begun: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Polls until stop is set; whatever fails is tried again, later and later."""
        wait_s = self.first_wait_s
        while not stop.is_set():
            if not self.processes.leads(self.channel.name):
                self._offset = None  # another process goes on from what Telegram remembers
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
            if updates := await self.channel.fetch(self._offset):
                await self._take(updates)
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

        Raises:
            StorageDown: one is not handled; the offset stands at it.
        """
        chats: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        raw_of: dict[str, bytes] = {}
        for update in updates:
            chats[chat_of(update)].append(update)
            raw_of[str(update["update_id"])] = json.dumps(update, ensure_ascii=False).encode("utf-8", "replace")
        finish_of = await self.keep(self.channel.name, self.channel.account, raw_of)
        handled: set[int] = set()
        at_once = asyncio.Semaphore(CHATS_AT_ONCE)
        ends = await asyncio.gather(
            *(self._handle_chat(chat, finish_of, handled, at_once) for chat in chats.values()), return_exceptions=True
        )
        for update in updates:  # in the order in which Telegram gave them, which is that of their numbers
            if update["update_id"] not in handled:
                break
            self._offset = update["update_id"] + 1
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _handle_chat(
        self,
        updates: list[dict[str, Any]],
        finish_of: Mapping[str, Finish],
        handled: set[int],
        at_once: asyncio.Semaphore,
    ) -> None:
        async with at_once:
            for update in updates:
                async with self.channel.attending(update):
                    await finish_of[str(update["update_id"])]()
                handled.add(update["update_id"])
