"""A platform that is down in one of several ways while people write on: nothing is lost, and the rest comes soon."""

import time
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from tests.fakes.telegram import FakeTelegram, fake_telegram_process
from tests.torture.bot import Bot
from tests.torture.proxy import Fault, Proxy, Seen
from tests.torture.record import Findings, compare, rows_of
from tests.torture.words import ANSWERED

FAULTS: Final[tuple[Fault, ...]] = (
    "too_many",
    "error",
    "stall",
    "reset",
    "truncate",
    "latency",
    "duplicate",
    "reorder",
)
FIRST_USER: Final = 20_001
DRAIN_S: Final = 600.0
IN_FLIGHT_S: Final = 0.5
"""How long after a refusal messages may come that had left before the bot read it, on a machine that is busy.

On a quiet one the last came after 0.08 s; a bot that waits too little would be seen up to the 5 s that it has to wait.
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one fault went: what was lost, how soon the rest came, what came too early."""

    fault: Fault
    findings: Findings
    drained_s: float
    too_early: int
    latest_s: float
    struck: int

    def __str__(self) -> str:
        early = f"{self.too_early} before retry_after (the last that came all the same {self.latest_s:.3f} s after it)"
        return f"{self.fault}: {self.findings}; drained {self.drained_s:.1f} s after; {early}; {self.struck} faults"


@dataclass(kw_only=True)
class Outage:
    """One run on one bot: for each fault, people write while it lasts, then the platform is well again."""

    folder: Path
    seconds: float
    per_s: float = 3.0
    share: float = 1.0
    chats: int = 200
    seed: int = 1
    _user: int = field(default=0)

    def run(self, *faults: Fault) -> list[Outcome]:
        """The outcome of each fault."""
        with fake_telegram_process() as fake:
            proxy = Proxy(upstream_port=urlsplit(fake.address).port or 0, seed=self.seed, only="sendmessage")
            bot = Bot(folder=self.folder, api_url=proxy.address, mode="webhook")
            with proxy.running():
                bot.start()
                try:
                    bot.wait_until_up()
                    fake.wait_for(lambda: fake.do("state")["webhook"]["url"], timeout_s=60)
                    return [self._one(fault, fake, proxy, bot) for fault in faults]
                finally:
                    bot.kill()

    def _one(self, fault: Fault, fake: FakeTelegram, proxy: Proxy, bot: Bot) -> Outcome:
        first_user, seen_before = FIRST_USER + self._user, len(proxy.log)
        self._user += self.chats
        fed: dict[str, list[str]] = {}
        proxy.shares = {fault: self.share}
        began, count = time.monotonic(), 0
        while time.monotonic() < began + self.seconds:
            user = first_user + count % self.chats
            update = fake.text(user, ANSWERED[count % len(ANSWERED)])
            fed.setdefault(str(user), []).append(f"{user}:{update['message']['message_id']}")
            count += 1
            time.sleep(max(began + count / self.per_s - time.monotonic(), 0))
        proxy.shares = {}
        well = time.monotonic()
        self._drain(fake, bot, well)
        drained_s = time.monotonic() - well
        rows = [row for row in rows_of(bot.database, bot.folder, chain(*fed.values())) if row.chat in fed]
        seen = proxy.log[seen_before:]
        doubled = {one.doubled for one in seen}  # by the network, of which the bot can not know
        taken = [call for call in fake.record() if str(call["chat_id"]) in fed]
        record = [call for call in taken if (str(call["chat_id"]), str(call["message_id"])) not in doubled]
        return Outcome(
            fault=fault,
            findings=compare(fed, rows, record),
            drained_s=drained_s,
            too_early=sum(late > IN_FLIGHT_S for late in late_by(seen)),
            latest_s=max(late_by(seen), default=0.0),
            struck=sum(bool(one.fault) for one in seen),
        )

    def _drain(self, fake: FakeTelegram, bot: Bot, well: float) -> None:
        while fake.do("state")["pending"] or _unsent(bot):
            if time.monotonic() > well + DRAIN_S:
                raise TimeoutError(f"not drained: {_unsent(bot)} unsent; see {bot.folder / 'log'}")
            time.sleep(0.1)


def late_by(seen: list[Seen]) -> list[float]:
    """How long after a refusal messages came that the platform had asked to wait longer: s, for each of them."""
    silences = [(one.wait_until - one.wait_s, one.wait_until) for one in seen if one.wait_s]
    sent = [one.at for one in seen if one.path == "sendmessage"]
    late = (max((at - begin for begin, end in silences if begin < at < end), default=0.0) for at in sent)
    return [seconds for seconds in late if seconds]


def _unsent(bot: Bot) -> int:
    figures = httpx.get(f"{bot.address}/metrics", timeout=20, trust_env=False).text.splitlines()
    return round(float(next(line for line in figures if line.startswith("returnee_bot_outbound_queued ")).split()[1]))
