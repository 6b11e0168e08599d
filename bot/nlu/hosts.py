"""Opens the engine that the settings name."""

import time
from collections.abc import Callable

from bot.metrics import RasaFailure
from bot.nlu.engine import Engine
from bot.nlu.rasa import RasaEngine, open_client
from bot.settings import Settings


def open_engine(
    settings: Settings, *, inside: Engine, rasa_failed: Callable[[RasaFailure], None] = lambda reason: None
) -> Engine:
    """The engine that understands messages.

    inside is the one of this process; rasa_failed is told of each message that Rasa's server did not understand.
    """
    match settings.nlu_engine:
        case "embedded":
            return inside
        case "rasa":
            client = open_client(settings.rasa_url)
            return RasaEngine(client=client, inside=inside, now=time.monotonic, failed=rasa_failed)
