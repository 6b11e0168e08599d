"""Finds amounts, times, people counted, phones, places and work in a message, and reads an answer to a question.

`find_entities` looks for what a message mentions; `read_slot` reads what a message means as the answer to one question.
Neither guesses: what is vague, ambiguous or impossible gives nothing, so that the bot asks again.
"""

from khmer_nlu.entities.finding import find_entities, find_entities_in, read_slot, read_slot_of
from khmer_nlu.entities.model import SLOTS, Entity, EntityName, Slot, Value

__all__ = [
    "SLOTS",
    "Entity",
    "EntityName",
    "Slot",
    "Value",
    "find_entities",
    "find_entities_in",
    "read_slot",
    "read_slot_of",
]
