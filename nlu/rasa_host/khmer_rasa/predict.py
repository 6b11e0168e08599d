"""What Rasa, in process, makes of sentences, and what it costs: for the parity test and the benchmark.

`python -m khmer_rasa.predict MODEL.tar.gz` reads a JSON string a line and writes a JSON object a line:
{"answer", "seconds"} for each sentence, last {"rss_bytes"}.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rasa.core.agent import Agent
from rasa.utils.log_utils import configure_structlog


async def predict(agent: Agent, texts: Iterable[str]) -> None:
    """Writes a line for each text."""
    for text in texts:
        began = time.perf_counter()
        answer = await agent.parse_message(text)
        _write({"answer": answer, "seconds": time.perf_counter() - began})


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(model: Path) -> None:
    """Loads the model, reads standard input, writes standard output."""
    if not model.is_file():  # Agent.load would take the newest other model of the folder
        sys.exit(f"There is no model {model}.")
    configure_structlog(logging.WARNING)  # else each message is printed
    asyncio.run(predict(Agent.load(str(model)), map(json.loads, sys.stdin)))
    _write({"rss_bytes": _rss_bytes()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
