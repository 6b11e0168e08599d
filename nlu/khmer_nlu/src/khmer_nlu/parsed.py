"""What is understood of one message, and the one way to get it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from khmer_nlu.classifier import Classified, Decision, Model, Ranking
from khmer_nlu.crisis import find_crisis_in, has_idiom_in
from khmer_nlu.normalise import match_key
from khmer_nlu.script import Language, detect_language_of

FALLBACK: Final = "nlu_fallback"
RANKED: Final = 5
_NOTHING: Final = Classified(decision="fallback", ranking=(), crisis=None)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a message means.

    intent is nlu_fallback exactly if decision is fallback. confidence and ranking (the five most probable intents) are
    calibrated, from before the threshold, and hold neither out_of_scope nor crisis ids. crisis is found by phrases,
    which need no classifier, or else by the classifier. idiom: no crisis, but words that now and then are one, and are
    worth one warm question; not part of the JSON. entities and slot_value wait for a later step: empty and None.
    """

    text: str
    language: Language
    intent: str
    decision: Decision
    confidence: float
    ranking: Ranking
    entities: tuple[Mapping[str, Any], ...] = ()
    crisis: str | None = None
    idiom: bool = False
    slot_value: Any = None

    def to_json(self) -> dict[str, Any]:
        """The result in the form of `returnee-bot parse`."""
        return {
            "text": self.text,
            "language": self.language,
            "intent": self.intent,
            "decision": self.decision,
            "confidence": self.confidence,
            "ranking": [list(pair) for pair in self.ranking],
            "entities": [dict(entity) for entity in self.entities],
            "crisis": self.crisis,
            "slot_value": self.slot_value,
        }


def parse(model: Model, text: str) -> Parsed:
    """Understands one message. A leading slash means nothing special; a message without letters means nothing."""
    key = match_key(text)
    has_letters = any(character.isalpha() for character in key)
    return _complete(text, key, model.classify(key) if has_letters else _NOTHING)


def complete(text: str, classified: Classified) -> Parsed:
    """What a message means, given what a classifier elsewhere made of it: all the rest is found by rules, here."""
    return _complete(text, match_key(text), classified)


def _complete(text: str, key: str, classified: Classified) -> Parsed:
    crisis = find_crisis_in(key) or classified.crisis
    return Parsed(
        text=text,
        language=detect_language_of(key),
        intent=FALLBACK if classified.decision == "fallback" else classified.ranking[0][0],
        decision=classified.decision,
        confidence=classified.ranking[0][1] if classified.ranking else 0.0,
        ranking=classified.ranking[:RANKED],
        crisis=crisis,
        idiom=crisis is None and has_idiom_in(key),
    )
