"""Trains the classifier. The only module that needs scikit-learn; a serving process never imports it."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from khmer_nlu.classifier import CRISIS, OUT_OF_SCOPE, Model, Thresholds, danger_of, softmax
from khmer_nlu.features import VIEWS, View, Vocabulary, terms
from khmer_nlu.normalise import match_key

HELD_OUT: Final = 4
"""One sentence of so many is held out to choose temperature and thresholds on."""
TOLERANCE: Final = 0.01
CRISIS_WEIGHT: Final = 3.0
"""A missed crisis counts for as many false alarms."""
SEED: Final = 20260724
GRID: Final = np.arange(0.02, 0.96, 0.01)

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be chosen about training; config.yml holds the values.

    Args:
        views: the terms, see features.py.
        c: inverse strength of the regularisation.
        min_texts: in how many sentences a term must stand to be kept.
        wrong_answers: share of in-scope sentences that may get a wrong answer.
        outside_answered: share of out-of-scope sentences that may get an answer.
        inside_refused: share of in-scope sentences that may fall below “ask”.
        crisis_false_alarms: share of all other sentences that the classifier may take for a crisis.
    """

    views: tuple[View, ...]
    c: float
    min_texts: int
    wrong_answers: float
    outside_answered: float
    inside_refused: float
    crisis_false_alarms: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Options":
        """The options in the form of config.yml, where a view is [shortest, longest, weight]; without those of 0."""
        views = (
            View(name=name, shortest=config[name][0], longest=config[name][1], weight=config[name][2]) for name in VIEWS
        )
        others = {field.name: config[field.name] for field in fields(cls) if field.name != "views"}
        return cls(views=tuple(view for view in views if view.weight), **others)


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Scores of sentences by a model that did not see them, and the labels they should have.

    margins: sentences × (labels + 1), as Model.margins gives them.
    """

    labels: tuple[str, ...]
    margins: Scores
    gold: NDArray[np.int64]


def train(examples: Iterable[tuple[str, str]], options: Options) -> Model:
    """The model of these (text, intent) examples; the same examples give the same model, in whatever order they come.

    Temperature and thresholds are chosen on a quarter of them, scored by a model of the rest.
    """
    texts, intents = zip(*sorted(set(examples)), strict=True)
    counted = count_terms(texts, options.views, min_texts=options.min_texts)
    labels = tuple(sorted(set(intents)))
    gold = np.searchsorted(labels, intents)
    unseen = score_unseen(counted, gold, labels, options)
    temperature = fit_temperature(unseen)
    idf = _idf(counted, np.arange(len(texts)), options)
    coefficients, intercepts = _fit(_weigh(counted, idf), gold, _are_crisis(labels), options)
    return Model(
        labels=labels,
        vocabulary=_vocabulary(counted, idf),
        coefficients=np.ascontiguousarray(coefficients[idf > 0], dtype=np.float32),
        intercepts=intercepts,
        temperature=temperature,
        thresholds=choose_thresholds(unseen, temperature, options),
    )


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The terms of all texts: texts × terms, each cell 1 + ln of how often it stands there.

    terms: by view, sorted; bounds: where each view's columns begin, and where the last ends.
    """

    views: tuple[View, ...]
    terms: tuple[tuple[str, ...], ...]
    bounds: tuple[int, ...]
    matrix: Any


def count_terms(texts: Sequence[str], views: Sequence[View], *, min_texts: int) -> Counted:
    """Counts every term of every text once, and keeps those that stand in min_texts of them."""
    numbers: list[dict[str, int]] = [{} for _ in views]
    columns, counts, per_text = ([array("q") for _ in views] for _ in range(3))
    for text in texts:
        for place, (_, written) in enumerate(terms(match_key(text), views)):
            counted, known = Counter(written), numbers[place]
            columns[place].extend([known.setdefault(term, len(known)) for term in counted])
            counts[place].extend(counted.values())
            per_text[place].append(len(counted))
    blocks = [
        _kept(known, np.array(places), np.array(times), np.array(lengths), min_texts)
        for known, places, times, lengths in zip(numbers, columns, counts, per_text, strict=True)
    ]
    bounds = np.cumsum([0, *(len(kept) for kept, _ in blocks)])
    return Counted(
        views=tuple(views),
        terms=tuple(kept for kept, _ in blocks),
        bounds=tuple(map(int, bounds)),
        matrix=hstack([block for _, block in blocks]).tocsr(),
    )


def _kept(
    known: Mapping[str, int],
    columns: NDArray[np.int64],
    counts: NDArray[np.int64],
    per_text: NDArray[np.int64],
    min_texts: int,
) -> tuple[tuple[str, ...], Any]:
    """The terms of one view that stand in enough texts, sorted, and their columns."""
    in_texts = np.bincount(columns, minlength=len(known))
    kept = sorted(term for term, number in known.items() if in_texts[number] >= min_texts)
    ends = np.concatenate([[0], np.cumsum(per_text)])
    block = csr_matrix((1.0 + np.log(counts), columns, ends), shape=(len(per_text), len(known)))
    return tuple(kept), block[:, [known[term] for term in kept]]


def score_unseen(counted: Counted, gold: NDArray[np.int64], labels: Sequence[str], options: Options) -> Unseen:
    """Scores of every fourth sentence by a model of the other three; each intent gives its share."""
    folds = StratifiedKFold(HELD_OUT, shuffle=True, random_state=SEED)
    inside, outside = next(folds.split(np.zeros(len(gold)), gold))
    weighed = _weigh(counted, _idf(counted, inside, options))
    coefficients, intercepts = _fit(weighed[inside], gold[inside], _are_crisis(labels), options)
    margins = weighed[outside] @ coefficients + intercepts
    return Unseen(labels=tuple(labels), margins=margins, gold=gold[outside])


def _are_crisis(labels: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([label.startswith(CRISIS) for label in labels])


def _idf(counted: Counted, rows: NDArray[np.int64], options: Options) -> NDArray[np.float64]:
    """Smoothed inverse document frequency within these rows; 0 for terms in fewer than min_texts of them."""
    in_rows = np.bincount(counted.matrix[rows].indices, minlength=counted.bounds[-1])
    idf = np.log((1.0 + len(rows)) / (1.0 + in_rows)) + 1.0
    return np.where(in_rows >= options.min_texts, idf, 0.0)


def _weigh(counted: Counted, idf: NDArray[np.float64]) -> Any:
    """TF-IDF of all texts, each view of length 1 times its weight: what Vocabulary.vector gives for one."""
    blocks = []
    for view, first, end in zip(counted.views, counted.bounds, counted.bounds[1:], strict=False):
        block = counted.matrix[:, first:end].multiply(idf[first:end]).tocsr()
        lengths = np.sqrt(block.multiply(block).sum(axis=1)).A1
        scale = view.weight / np.where(lengths > 0, lengths, 1.0)
        blocks.append(block.multiply(scale[:, np.newaxis]).tocsr())
    return hstack(blocks).tocsr()


def _vocabulary(counted: Counted, idf: NDArray[np.float64]) -> Vocabulary:
    numbers: list[dict[str, int]] = []
    kept = np.cumsum(idf > 0) - 1
    for words, first in zip(counted.terms, counted.bounds, strict=False):
        numbers.append({word: int(kept[first + i]) for i, word in enumerate(words) if idf[first + i] > 0})
    return Vocabulary(views=counted.views, numbers=tuple(numbers), idf=idf[idf > 0])


def fit_temperature(unseen: Unseen) -> float:
    """The temperature at which the softmax of the scores is most probable to give the gold labels."""

    def loss(temperature: float) -> float:
        probabilities = softmax(unseen.margins[:, :-1] / temperature)
        return -float(np.log(probabilities[np.arange(len(unseen.gold)), unseen.gold] + 1e-12).mean())

    return float(minimize_scalar(loss, bounds=(0.02, 3.0), method="bounded").x)


def choose_thresholds(unseen: Unseen, temperature: float, options: Options) -> Thresholds:
    """The lowest thresholds for answers and alarms that keep wrong ones rare, the highest for asking."""
    probabilities = softmax(unseen.margins[:, :-1] / temperature)
    is_outside = np.array([label == OUT_OF_SCOPE for label in unseen.labels])
    is_crisis = _are_crisis(unseen.labels)
    in_danger = is_crisis[unseen.gold]
    crisis = 0.0
    if is_crisis.any():
        calm = danger_of(unseen.labels, unseen.margins[~in_danger])
        crisis = float(np.quantile(calm, 1 - options.crisis_false_alarms))
    probabilities, gold = probabilities[~in_danger], unseen.gold[~in_danger]
    inside = ~is_outside[gold]
    outside_share = probabilities[:, is_outside].sum(axis=1)
    in_scope = np.where(is_outside | is_crisis, -1.0, probabilities)
    best, confidence = in_scope.argmax(axis=1), in_scope.max(axis=1)

    def is_good(threshold: float) -> bool:
        answered = (confidence >= threshold) & (confidence > outside_share)
        wrong = (answered & inside & (best != gold)).sum() / max(inside.sum(), 1)
        let_in = (answered & ~inside).sum() / max((~inside).sum(), 1)
        return bool(wrong <= options.wrong_answers and let_in <= options.outside_answered)

    answer = next((float(t) for t in GRID if is_good(t)), float(GRID[-1]))
    ask = float(np.quantile(confidence[inside], options.inside_refused))
    return Thresholds(answer=round(answer, 2), ask=round(min(ask, answer), 3), crisis=round(crisis, 3))


def _fit(matrix: Any, gold: NDArray[np.int64], is_crisis: NDArray[np.bool_], options: Options) -> tuple[Scores, Scores]:
    """Coefficients (terms × (labels + 1)) and intercepts of the labels, and of danger behind them."""
    solver = {"C": options.c, "random_state": SEED, "max_iter": 5000, "tol": TOLERANCE}
    intents = LinearSVC(**solver).fit(matrix, gold)
    if not is_crisis.any():
        nothing = np.zeros((1, matrix.shape[1]))
        return np.vstack([intents.coef_, nothing]).T, np.append(intents.intercept_, -1.0)
    danger = LinearSVC(class_weight={True: CRISIS_WEIGHT}, **solver).fit(matrix, is_crisis[gold])
    return np.vstack([intents.coef_, danger.coef_]).T, np.append(intents.intercept_, danger.intercept_)
