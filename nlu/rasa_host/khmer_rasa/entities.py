"""Amounts, dates, phones and places in a message, as khmer_nlu finds them."""

from datetime import UTC, datetime
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from khmer_nlu import day_of, find_entities


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class KhmerEntityExtractor(GraphComponent, EntityExtractorMixin):
    """Finds entities by rules; there is nothing to train. Relative dates count from today in Cambodia."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "KhmerEntityExtractor":
        """The extractor; it has no options."""
        return cls()

    @staticmethod
    def required_packages() -> list[str]:
        """Python packages without which Rasa refuses to train."""
        return ["khmer_nlu"]

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the entities of each message to those that other components found."""
        today = day_of(datetime.now(UTC))
        for message in messages:
            found = [entity.to_json() for entity in find_entities(message.get(TEXT), today)]
            message.set(ENTITIES, [*message.get(ENTITIES, ()), *self.add_extractor_name(found)], add_to_output=True)
        return messages
