"""What people write in the harnesses: words whose reply is one message, whatever was said before."""

import json
from pathlib import Path
from typing import Final

_SENTENCES: Final = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
ANSWERED: Final[list[str]] = _SENTENCES["answered"]
"""Each gets an answer, which is class A."""
GREETINGS: Final[list[str]] = _SENTENCES["greetings"]
"""Each gets the menu, which is class B."""
CRISIS: Final[str] = _SENTENCES["crisis"]
