"""An update that nobody can handle, and the person who sent it: their next message must not wait for it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.fakes.telegram import fake_telegram_process
from tests.torture.bot import Bot
from tests.torture.words import ANSWERED

FIRST_USER: Final = 30_001
BETWEEN_S: Final = 1.1
"""Telegram's own limit: one message a second for a chat."""


@dataclass(frozen=True, kw_only=True)
class Poisoned:
    """How long the next message took in the worst case, and how many updates were set aside."""

    times: int
    slowest_s: float
    quarantined: int

    def __str__(self) -> str:
        slowest = f"next message answered after {self.slowest_s:.2f} s at the most"
        return f"{self.quarantined} of {self.times} set aside, {slowest}"


def poison(folder: Path, *, times: int) -> Poisoned:
    """Sends so many, each of another person, and a question behind each."""
    with fake_telegram_process() as fake:
        bot = Bot(folder=folder / "bot", api_url=fake.address)
        bot.start()
        try:
            bot.wait_until_up()
            waits = []
            for user in range(FIRST_USER, FIRST_USER + times):
                fake.text(user, ANSWERED[0])
                fake.wait_for_sent(user, 2)
                time.sleep(BETWEEN_S)
                broken = {"message_id": 1, "date": 1, "chat": {"id": user, "type": "private"}, "from": [], "text": []}
                fake.do("raw", update=broken, chat=user)
                began = time.monotonic()
                fake.text(user, ANSWERED[1])
                fake.wait_for_sent(user, 3)
                waits.append(time.monotonic() - began)
            figures = httpx.get(f"{bot.address}/metrics", trust_env=False).text.splitlines()
        finally:
            bot.kill()
    aside = next(line for line in figures if line.startswith("returnee_bot_updates_quarantined "))
    return Poisoned(times=times, slowest_s=max(waits), quarantined=round(float(aside.split()[1])))
