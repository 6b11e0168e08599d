"""The understanding in process, measured as khmer_rasa.predict measures Rasa's: `python -m tests.bench.nlu.inside`.

Takes the folder of the model. Reads a JSON string a line; writes {"answer", "seconds"} …, {"rss_bytes"}.
"""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.nlu.embedded import load_engine
from khmer_nlu import day_of


async def main(model: Path) -> None:
    """Loads the model, reads standard input, writes standard output."""
    engine, today = load_engine(model), day_of(datetime.now(UTC))
    for text in map(json.loads, sys.stdin):
        began = time.perf_counter()
        parsed = await engine.parse(text, today=today)
        seconds = time.perf_counter() - began
        write({"answer": parsed.to_json(), "seconds": seconds})
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: ASYNC230, PTH123 - nothing else runs here
        write({"rss_bytes": int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")})


def write(line: dict[str, Any]) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
