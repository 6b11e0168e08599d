"""What is understood of one message, and the one way to get it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from khmer_nlu.classifier import Classified, Decision, Model, Ranking
from khmer_nlu.crisis import IDIOM, danger_terms, kind_of
from khmer_nlu.entities import Entity, Slot, Value, find_entities_in, read_slot_of
from khmer_nlu.offsets import Traced, trace_key
from khmer_nlu.script import Language, detect_language_of

FALLBACK: Final = "nlu_fallback"
RANKED: Final = 5
NOT_UNDERSTOOD: Final = Classified(decision="fallback", ranking=(), crisis=None)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a message means.

    intent is nlu_fallback exactly if decision is fallback. confidence and ranking (the five most probable intents) are
    calibrated, from before the threshold, and hold neither out_of_scope nor crisis ids. crisis is found by phrases,
    which need no classifier, or else by the classifier. idiom: no crisis, but words that now and then are one, and are
    worth one warm question. slot_value: what the whole message means as the answer to what was asked, None if that is
    not clear. key: the match key of the text. Neither idiom nor key is part of the JSON.
    """

    text: str
    key: str
    language: Language
    intent: str
    decision: Decision
    confidence: float
    ranking: Ranking
    entities: tuple[Entity, ...] = ()
    crisis: str | None = None
    idiom: bool = False
    slot_value: Value | None = None

    def to_json(self) -> dict[str, Any]:
        """The result in the form of `returnee-bot parse`."""
        return {
            "text": self.text,
            "language": self.language,
            "intent": self.intent,
            "decision": self.decision,
            "confidence": self.confidence,
            "ranking": [list(pair) for pair in self.ranking],
            "entities": [entity.to_json() for entity in self.entities],
            "crisis": self.crisis,
            "slot_value": None if self.slot_value is None else dict(self.slot_value),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], *, idiom: bool, key: str) -> "Parsed":
        """What to_json() gave, and what it left out."""
        return cls(
            **{
                **plain,
                "ranking": tuple((intent, confidence) for intent, confidence in plain["ranking"]),
                "entities": tuple(Entity(**entity) for entity in plain["entities"]),
                "idiom": idiom,
                "key": key,
            }
        )


def parse(model: Model, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
    """Understands one message. A leading slash means nothing special; a message without letters has no intent.

    Args:
        model: the trained classifier.
        text: the raw message; spans of entities are code points of it.
        today: the day where the contact is, for “last month” and dates without a year.
        slot: what was asked, if the message answers a question.
    """
    traced = trace_key(text)
    has_letters = any(character.isalpha() for character in traced.text)
    return _complete(text, traced, model.classify(traced.text) if has_letters else NOT_UNDERSTOOD, today, slot)


def complete(text: str, classified: Classified, *, today: date, slot: Slot | None = None) -> Parsed:
    """The same of a message that was classified elsewhere: all that is found by rules is found here."""
    return _complete(text, trace_key(text), classified, today, slot)


def _complete(text: str, traced: Traced, classified: Classified, today: date, slot: Slot | None) -> Parsed:
    key = traced.text
    danger = danger_terms(key)
    crisis = kind_of(danger) or classified.crisis
    return Parsed(
        text=text,
        key=key,
        language=detect_language_of(key),
        intent=FALLBACK if classified.decision == "fallback" else classified.ranking[0][0],
        decision=classified.decision,
        confidence=classified.ranking[0][1] if classified.ranking else 0.0,
        ranking=classified.ranking[:RANKED],
        entities=find_entities_in(text, traced, today),
        crisis=crisis,
        idiom=crisis is None and IDIOM in danger,
        slot_value=read_slot_of(slot, text, traced, today) if slot else None,
    )
