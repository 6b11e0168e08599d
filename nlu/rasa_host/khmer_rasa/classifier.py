"""The intent of a message, its decision and its danger, as khmer_nlu understands them."""

from datetime import UTC, date, datetime
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.nlu.constants import (
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from khmer_nlu import FALLBACK, OUT_OF_SCOPE, Model, Parsed, day_of, parse
from khmer_nlu.artefact import FILES, code_hash, from_files, to_files
from khmer_nlu.training import Options, train

PARSED = "parsed"
"""The key of Rasa's answer that holds all that khmer_nlu found, in the form of `returnee-bot parse`."""
_INVISIBLE = "\u200b"
_WARM_UP = "\u1780 a 1"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class KhmerIntentClassifier(GraphComponent, IntentClassifier):
    """The classifier of khmer_nlu, trained and run by Rasa. It must be the last component of the pipeline."""

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource, model: Model | None) -> None:
        self._config, self._storage, self._resource, self._model = config, storage, resource, model

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "KhmerIntentClassifier":
        """A classifier to be trained; config holds the options of config.yml."""
        return cls(config, model_storage, resource, None)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "KhmerIntentClassifier":
        """The trained classifier of a model archive.

        Raises:
            ValueError: the archive is damaged, or of another version.
        """
        with model_storage.read_from(resource) as folder:
            model = from_files({name: (folder / name).read_bytes() for name in FILES})
        parse(model, _WARM_UP, today=date.min)  # reads the tables, for which the first contact would wait
        return cls(config, model_storage, resource, model)

    @staticmethod
    def required_packages() -> list[str]:
        """Python packages without which Rasa refuses to train."""
        return ["khmer_nlu", "sklearn"]

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Makes Rasa train again when khmer_nlu changed; by itself it looks at this class alone."""
        return code_hash()

    def train(self, training_data: TrainingData) -> Resource:
        """Trains on the labelled sentences and keeps the model in Rasa's archive."""
        examples = [(example.get(TEXT).strip(), example.get(INTENT)) for example in training_data.intent_examples]
        content = to_files(train(examples, Options.from_config(self._config)))
        with self._storage.write_to(self._resource) as folder:
            for name in FILES:
                (folder / name).write_bytes(content[name])
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets intent and ranking as Rasa names them, and everything under “parsed”."""
        if self._model is None:
            raise RuntimeError("the classifier is not trained")
        today = day_of(datetime.now(UTC))
        for message in messages:
            _tell(message, parse(self._model, message.get(TEXT), today=today))
        return messages


def _tell(message: Message, parsed: Parsed) -> None:
    message.set(INTENT, _named(parsed.intent, parsed.confidence), add_to_output=True)
    message.set(INTENT_RANKING_KEY, [_named(*pair) for pair in _ranking(parsed)], add_to_output=True)
    message.set(PARSED, parsed.to_json(), add_to_output=True)
    if parsed.text.lstrip().startswith(INTENT_MESSAGE_PREFIX):
        # Rasa's next and last node takes “/intent” for an order, with confidence 1, and logs what it can not read.
        message.set(TEXT, _INVISIBLE + parsed.text)


def _ranking(parsed: Parsed) -> list[tuple[str, float]]:
    """The ranking, which in Rasa begins with the intent itself.

    `rasa test` takes nlu_fallback off and looks at what comes next: a message refused is one out of scope.
    """
    refused = [(FALLBACK, parsed.confidence), (OUT_OF_SCOPE, parsed.confidence)]
    return [*(refused if parsed.decision == "fallback" else ()), *parsed.ranking]


def _named(intent: str, confidence: float) -> dict[str, Any]:
    return {INTENT_NAME_KEY: intent, PREDICTED_CONFIDENCE_KEY: confidence}
