"""Several bots on one PostgreSQL behind a balancer, one after the other killed while the others go on."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain

from tests.fakes.telegram import FakeTelegram, fake_telegram_process
from tests.serving import free_port
from tests.torture.bot import Bot
from tests.torture.killer import ON_THE_WAY, Killer
from tests.torture.proxy import serving_in_thread
from tests.torture.record import Findings, compare, rows_of


@dataclass(kw_only=True)
class Balancer:
    """Hands each connection to one of the ports that takes it, by seeded chance."""

    ports: Sequence[int]
    seed: int
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Works in a thread of its own while the context is open."""
        chance = random.Random(self.seed)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for port in chance.sample(list(self.ports), len(self.ports)):
                with suppress(OSError):
                    theirs, ours = await asyncio.open_connection("127.0.0.1", port)
                    await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))
                    return
            writer.close()

        with serving_in_thread(serve, self.port):
            yield


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
    finally:  # also at the end, when it is cancelled
        writer.close()


@dataclass(kw_only=True)
class Several(Killer):
    """As Killer, with so many processes, all of which but one go on at each kill. database_url is PostgreSQL's."""

    processes: int = 3

    def run(self) -> Findings:
        """Does it, and compares."""
        with fake_telegram_process() as fake:
            fake.do("retry", first_s=0.3, lost=self.again)
            bots = [
                Bot(folder=self.folder, api_url=fake.address, mode=self.mode, database_url=self.database_url)
                for _ in range(self.processes)
            ]
            balancer = Balancer(ports=[bot.port for bot in bots], seed=self.seed)
            for bot in bots:
                bot.public_url = balancer.address
            feeder = threading.Thread(target=self._feed, args=(fake,), daemon=True)
            with balancer.running():
                try:
                    for place, bot in enumerate(bots):
                        bot.start(_name(place))
                        bot.wait_until_up()
                    feeder.start()
                    self._kill_one_after_the_other(bots)
                    feeder.join()
                    self._drain_with(fake, bots)
                finally:
                    for bot in bots:
                        bot.kill()
            self.redelivered = fake.do("state")["again"]
            return compare(self.fed, rows_of(self.database_url, self.folder, chain(*self.fed.values())), fake.record())

    def _kill_one_after_the_other(self, bots: Sequence[Bot]) -> None:
        chance = random.Random(f"{self.seed} kill")
        for number in range(self.kills):
            place = chance.randrange(len(bots))
            bot = bots[place]
            if number % 2:
                time.sleep(chance.uniform(0.0, 2.0))
                bot.kill()
                bot.start(_name(place))
            else:
                bot.kill()
                where = f"{chance.choice(ON_THE_WAY)}:{chance.randint(1, 10)}"
                bot.start({**_name(place), "CRASH_AT": where})
                self._wait_for_crash(bot, 10.0)
                bot.kill()
                bot.start(_name(place))
            bot.wait_until_up()

    def _drain_with(self, fake: FakeTelegram, bots: Sequence[Bot]) -> None:
        self._wait_until_drained(fake, bots[0])
        for bot in bots:
            bot.stop()


def _name(place: int) -> dict[str, str]:
    return {"EXECUTOR_ID": f"bot-{place}"}
