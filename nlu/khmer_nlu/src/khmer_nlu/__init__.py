"""Understanding of Khmer chat messages: normalising, language, features, intents and words of danger. No I/O."""

from khmer_nlu.classifier import OUT_OF_SCOPE, Model
from khmer_nlu.crisis import find_crisis
from khmer_nlu.normalise import canonical, match_key
from khmer_nlu.parsed import FALLBACK, Parsed, complete, parse
from khmer_nlu.script import detect_language

__version__ = "0.1.0"
__all__ = [
    "FALLBACK",
    "OUT_OF_SCOPE",
    "Model",
    "Parsed",
    "canonical",
    "complete",
    "detect_language",
    "find_crisis",
    "match_key",
    "parse",
]
