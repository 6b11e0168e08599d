"""Understanding of Khmer chat messages: normalising, language, intents, entities and words of danger. No I/O."""

from khmer_nlu.classifier import OUT_OF_SCOPE, Model
from khmer_nlu.clock import day_of
from khmer_nlu.crisis import find_crisis
from khmer_nlu.entities import Entity, Slot, Value, find_entities, read_slot
from khmer_nlu.names import name_keys
from khmer_nlu.normalise import canonical, match_key
from khmer_nlu.parsed import FALLBACK, Parsed, complete, parse
from khmer_nlu.script import detect_language

__version__ = "0.1.0"
__all__ = [
    "FALLBACK",
    "OUT_OF_SCOPE",
    "Entity",
    "Model",
    "Parsed",
    "Slot",
    "Value",
    "canonical",
    "complete",
    "day_of",
    "detect_language",
    "find_crisis",
    "find_entities",
    "match_key",
    "name_keys",
    "parse",
    "read_slot",
]
