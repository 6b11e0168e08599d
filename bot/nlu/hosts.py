"""Opens the engine that the settings name."""

import time

from bot.nlu.engine import Engine
from bot.nlu.rasa import RasaEngine, open_client
from bot.settings import Settings


def open_engine(settings: Settings, *, inside: Engine) -> Engine:
    """The engine that understands messages; inside: the one of this process."""
    match settings.nlu_engine:
        case "embedded":
            return inside
        case "rasa":
            return RasaEngine(client=open_client(settings.rasa_url), inside=inside, now=time.monotonic)
