"""Kills the bot again and again, at seeded instants and at named places, and looks for what that cost."""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

import httpx

from bot.settings import CRASH_PLACES
from tests.fakes.telegram import FakeTelegram, fake_telegram_process
from tests.torture.bot import Bot
from tests.torture.record import Findings, compare, rows_of
from tests.torture.words import ANSWERED, GREETINGS

ON_THE_WAY: Final = tuple(place for place in CRASH_PLACES if place.startswith(("ingest.", "deliver.")))
"""The places that every message comes through."""
FIRST_USER: Final = 10_001
DRAIN_S: Final = 900.0


@dataclass(kw_only=True)
class Killer:
    """One run: so many updates of so many chats, so many kills. The same seed chooses the same kills and words."""

    folder: Path
    updates: int
    chats: int
    kills: int
    mode: str
    seed: int
    per_s: float = 20.0
    again: float = 0.05
    database_url: str = ""
    fed: "defaultdict[str, list[str]]" = field(default_factory=lambda: defaultdict(list))
    redelivered: int = 0

    def run(self) -> Findings:
        """Does it, and compares."""
        with fake_telegram_process() as fake:
            fake.do("retry", first_s=0.3, lost=self.again)
            bot = Bot(folder=self.folder, api_url=fake.address, mode=self.mode, database_url=self.database_url)
            feeder = threading.Thread(target=self._feed, args=(fake,), daemon=True)
            try:
                feeder.start()
                self._kill(bot, feeder)
                feeder.join()
                self._drain(fake, bot)
            finally:
                bot.kill()
            self.redelivered = fake.do("state")["again"]
            return compare(self.fed, rows_of(bot.database, bot.folder, chain(*self.fed.values())), fake.record())

    def _feed(self, fake: FakeTelegram) -> None:
        chance = random.Random(f"{self.seed} feed")
        began = time.monotonic()
        for number in range(self.updates):
            user = FIRST_USER + chance.randrange(self.chats)
            words = chance.choice(GREETINGS if chance.random() < 0.1 else ANSWERED)
            update = fake.text(user, words)
            self.fed[str(user)].append(f"{user}:{update['message']['message_id']}")
            time.sleep(max(began + (number + 1) / self.per_s - time.monotonic(), 0))

    def _kill(self, bot: Bot, feeder: threading.Thread) -> None:
        chance = random.Random(f"{self.seed} kill")
        for number in range(self.kills):
            place = chance.choice(ON_THE_WAY)
            match number % 4:
                case 0:  # in the middle of its start
                    bot.start()
                    time.sleep(chance.uniform(0.1, 4.0))
                    bot.kill()
                case 1:  # in the middle of its work
                    bot.start()
                    bot.wait_until_up()
                    time.sleep(chance.uniform(0.0, 3.0))
                    bot.kill()
                case _:  # at a place in the code
                    bot.start({"CRASH_AT": f"{place}:{chance.randint(1, 30)}"})
                    self._wait_for_crash(bot, 20.0 if feeder.is_alive() else 3.0)
                    bot.kill()

    def _wait_for_crash(self, bot: Bot, patience_s: float) -> None:
        if not bot.wait_until_up():
            return
        deadline = time.monotonic() + patience_s
        while bot.is_alive and time.monotonic() < deadline:
            time.sleep(0.02)

    def _drain(self, fake: FakeTelegram, bot: Bot) -> None:
        """Lets the bot finish what is left."""
        bot.start()
        bot.wait_until_up()
        self._wait_until_drained(fake, bot)
        bot.stop()

    def _wait_until_drained(self, fake: FakeTelegram, bot: Bot) -> None:
        deadline = time.monotonic() + DRAIN_S
        while fake.do("state")["pending"] or _unsent(bot):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained: {fake.do('state')}, {_unsent(bot)} unsent")
            time.sleep(0.3)


def _unsent(bot: Bot) -> int:
    figures = httpx.get(f"{bot.address}/metrics", timeout=20, trust_env=False).text.splitlines()
    return round(float(next(line for line in figures if line.startswith("returnee_bot_outbound_queued ")).split()[1]))
