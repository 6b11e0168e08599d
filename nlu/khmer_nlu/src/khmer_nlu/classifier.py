"""The trained classifier: linear scores over terms, a softmax temperature, three thresholds. Numpy alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from khmer_nlu.features import View, Vocabulary

OUT_OF_SCOPE: Final = "out_of_scope"
CRISIS: Final = "crisis_"
FORMAT: Final = 2

Decision = Literal["answer", "ask", "fallback"]
Ranking = tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From where on something is done.

    answer: the probability at which the best intent is answered; ask: at which it is worth asking about; crisis: the
    danger (see danger_of) at which the alarm is raised.
    """

    answer: float
    ask: float
    crisis: float


@dataclass(frozen=True, kw_only=True)
class Classified:
    """What to do about a message, its intents (without out_of_scope and crisis ids), and the danger it speaks of."""

    decision: Decision
    ranking: Ranking
    crisis: str | None


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything that training found.

    coefficients: terms × (labels + 1), float32: half the memory, and far finer than what two sentences differ by. The
    last column is that of danger: all crisis ids against everything else.
    """

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float64]
    temperature: float
    thresholds: Thresholds

    def margins(self, key: str) -> NDArray[np.float64]:
        """How far a match key lies on the side of each label, in their order, and at the end on that of danger."""
        places, weights = self.vocabulary.vector(key)
        rows = self.coefficients.take(places, axis=0).astype(np.float64)
        margins: NDArray[np.float64] = weights @ rows + self.intercepts
        return margins

    def classify(self, key: str) -> Classified:
        """What a message of this match key means, the most probable intents first."""
        margins = self.margins(key)
        shares = softmax(margins[:-1] / self.temperature)
        probabilities = dict(zip(self.labels, map(float, shares), strict=True))
        crisis = {label: probabilities.pop(label) for label in self.labels if label.startswith(CRISIS)}
        outside = probabilities.pop(OUT_OF_SCOPE, 0.0)
        ranking = tuple(sorted(probabilities.items(), key=lambda pair: -pair[1]))
        is_crisis = bool(crisis) and bool(danger_of(self.labels, margins) >= self.thresholds.crisis)
        return Classified(
            decision=decide(ranking[0][1], outside, self.thresholds),
            ranking=ranking,
            crisis=max(crisis, key=crisis.__getitem__) if is_crisis else None,
        )

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The model as arrays and a JSON-able description."""
        arrays: dict[str, NDArray[Any]] = {
            "idf": self.vocabulary.idf,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
        }
        for view, numbers in zip(self.vocabulary.views, self.vocabulary.numbers, strict=True):
            arrays[f"terms_{view.name}"] = np.frombuffer("\n".join(numbers).encode(), dtype=np.uint8)
        return arrays, {
            "format": FORMAT,
            "labels": list(self.labels),
            "views": [asdict(view) for view in self.vocabulary.views],
            "temperature": self.temperature,
            "thresholds": asdict(self.thresholds),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> "Model":
        """The model that to_arrays() gave.

        Raises:
            KeyError, ValueError: it is damaged, or of another version.
        """
        if about["format"] != FORMAT:
            raise ValueError(f"the model has format {about['format']}, not {FORMAT}")
        views = tuple(View(**view) for view in about["views"])
        numbers: list[dict[str, int]] = []
        first = 0
        for view in views:
            written = arrays[f"terms_{view.name}"].tobytes().decode()
            words = written.split("\n") if written else []
            numbers.append({term: first + place for place, term in enumerate(words)})
            first += len(words)
        if not first == len(arrays["idf"]) == len(arrays["coefficients"]):
            raise ValueError("the model's parts do not fit together")
        return cls(
            labels=tuple(about["labels"]),
            vocabulary=Vocabulary(views=views, numbers=tuple(numbers), idf=arrays["idf"]),
            coefficients=arrays["coefficients"],
            intercepts=arrays["intercepts"],
            temperature=float(about["temperature"]),
            thresholds=Thresholds(**about["thresholds"]),
        )


def decide(confidence: float, outside: float, thresholds: Thresholds) -> Decision:
    """Answer only what is sure and more probable than out of scope; ask while there is something worth asking."""
    if confidence >= thresholds.answer and confidence > outside:
        return "answer"
    return "ask" if confidence >= thresholds.ask else "fallback"


def danger_of(labels: Sequence[str], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much a message, or each of many, sounds like danger; margins are those of Model.margins.

    The margin of danger, and how far the best crisis id lies before the best other label: on the development set each
    of the two alone raised a third more false alarms at the same recall.
    """
    is_crisis = np.array([label.startswith(CRISIS) for label in labels])
    intents = margins[..., :-1]
    ahead = intents[..., is_crisis].max(axis=-1) - intents[..., ~is_crisis].max(axis=-1)
    danger: NDArray[np.float64] = margins[..., -1] + ahead
    return danger


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from scores, over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result
