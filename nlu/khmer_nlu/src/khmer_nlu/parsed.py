"""What is understood of one message, and the one way to get it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from khmer_nlu.classifier import Decision, Model, Ranking
from khmer_nlu.crisis import find_crisis_in, has_idiom_in
from khmer_nlu.normalise import match_key
from khmer_nlu.script import Language, detect_language_of

FALLBACK: Final = "nlu_fallback"
RANKED: Final = 5


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
    language, crisis = detect_language_of(key), find_crisis_in(key)
    if not any(character.isalpha() for character in key):
        return Parsed(
            text=text,
            language=language,
            intent=FALLBACK,
            decision="fallback",
            confidence=0.0,
            ranking=(),
            crisis=crisis,
        )
    classified = model.classify(key)
    found = crisis or classified.crisis
    return Parsed(
        text=text,
        language=language,
        intent=FALLBACK if classified.decision == "fallback" else classified.ranking[0][0],
        decision=classified.decision,
        confidence=classified.ranking[0][1],
        ranking=classified.ranking[:RANKED],
        crisis=found,
        idiom=found is None and has_idiom_in(key),
    )
