"""Opens the engine that the settings name."""

import time
from collections.abc import Callable

from bot.metrics import RasaFailure
from bot.nlu.embedded import load_engine
from bot.nlu.engine import Engine
from bot.nlu.rasa import RasaEngine, open_client
from bot.nlu.training import ensure_model
from bot.settings import Settings


def open_engine(settings: Settings, *, rasa_failed: Callable[[RasaFailure], None] = lambda reason: None) -> Engine:
    """The engine; trains the understanding if its inputs changed.

    rasa_failed is told of each message that Rasa's server did not understand.

    Raises:
        ContentErrors: the examples or options are wrong.
        TrainingError: training failed.
    """
    inside = load_engine(ensure_model(settings.paths, settings.models_dir))
    match settings.nlu_engine:
        case "embedded":
            return inside
        case "rasa":
            client = open_client(settings.rasa_url)
            return RasaEngine(client=client, inside=inside, now=time.monotonic, failed=rasa_failed)
