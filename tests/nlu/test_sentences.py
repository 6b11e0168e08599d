"""What training and held-out sentences must be like: many, of many people, and apart from each other.

A twin of a sentence is another of its intent with the same beginning and end and at most two words between that
differ: what a template gives. Who fills in templates teaches the template, not the language.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile
from operator import eq

import pytest

from bot.nlu.evaluation import Line, read_lines
from bot.nlu.examples import Example, load_examples
from bot.settings import REPOSITORY, Paths
from bot.topics import Topics, load_topics
from khmer_nlu import OUT_OF_SCOPE, detect_language, match_key
from khmer_nlu.tokenise import close_up, words

PATHS = Paths(root=REPOSITORY)
TWINS_AT_MOST = 0.10
SLOT_WORDS = 2
SAME_WORDS = 3
SAME_SHARE = 0.6
ALIKE = 0.3
STYLES_AT_LEAST = {"km-Latn": 0.20, "en": 0.10, "mixed": 0.05}


@pytest.fixture(scope="module")
def topics() -> Topics:
    return load_topics(PATHS.topics)


@pytest.fixture(scope="module")
def examples(topics: Topics) -> tuple[Example, ...]:
    """All examples; load_examples refuses a sentence that stands for two intents."""
    return load_examples(PATHS.nlu / "data", topics)


@pytest.fixture(scope="module")
def held_out() -> tuple[Line, ...]:
    return read_lines(PATHS.nlu / "evaluation" / "test.jsonl")


def cut(sentence: str) -> list[str]:
    return words(close_up(match_key(sentence)))


def find_twins(sentences: Sequence[Sequence[str]]) -> set[int]:
    """The places of sentences, given as words, that have a twin.

    Two sentences are twins if both become the same once at most SLOT_WORDS words in a row are taken out of each, and
    what is left is SAME_WORDS words and SAME_SHARE of the longer one, or more.
    """
    places: defaultdict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = defaultdict(list)
    for place, sentence in enumerate(sentences):
        for slot in range(SLOT_WORDS + 1):
            left = len(sentence) - slot
            if left >= max(SAME_WORDS, SAME_SHARE * len(sentence)):
                for first in range(left + 1):
                    places[tuple(sentence[:first]), tuple(sentence[first + slot :])].append(place)
    return {place for alike in places.values() if len(alike) > 1 for place in alike}


def may_have_twins(keys: Iterable[str]) -> list[str]:
    """The keys that begin and end as others do, for ALIKE of their letters; only they are worth cutting into words."""
    keys = list(keys)
    begins, ends = longest_shared(keys), longest_shared([key[::-1] for key in keys])
    return [key for key in keys if begins[key] + ends[key[::-1]] >= ALIKE * len(key)]


def longest_shared(keys: Iterable[str]) -> Counter[str]:
    """How many letters each key shares with the beginning of another."""
    shared = Counter[str]()
    for one, other in pairwise(sorted(keys)):
        length = sum(takewhile(bool, map(eq, one, other)))
        shared[one], shared[other] = max(shared[one], length), max(shared[other], length)
    return shared


def count_by_intent(examples: Iterable[Example]) -> Counter[str]:
    return Counter(example.intent for example in examples)


def test_a_twin_differs_in_one_slot_only() -> None:
    sentences = [
        cut("boss did not pay 3 months"),
        cut("boss did not pay 15 months"),
        cut("my boss did not ever pay"),
        cut("boss did not pay the last two months"),
    ]

    assert find_twins(sentences) == {0, 1}
    assert find_twins([cut("yes please"), cut("yes sure")]) == set()


def test_no_intent_is_written_from_templates(examples: tuple[Example, ...]) -> None:
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for example in examples:
        keys[example.intent].append(close_up(example.key))

    templated = {
        intent: f"{len(twins)} of {len(of_intent)}: {[alike[place] for place in sorted(twins)[:6]]}"
        for intent, of_intent in keys.items()
        if (alike := may_have_twins(of_intent))
        and len(twins := find_twins([words(key) for key in alike])) > TWINS_AT_MOST * len(of_intent)
    }

    assert templated == {}


def minimums(topics: Topics) -> Iterator[tuple[str, int]]:
    yield from ((answer, 80) for answer in topics.answer_ids)
    yield from ((intent, 60) for intent in (*topics.flows, *topics.controls))
    yield from ((crisis, 120) for crisis in topics.crisis)
    yield OUT_OF_SCOPE, 800


def test_every_intent_has_enough_examples(examples: tuple[Example, ...], topics: Topics) -> None:
    counts = count_by_intent(examples)

    assert {intent: counts[intent] for intent, least in minimums(topics) if counts[intent] < least} == {}


def test_no_sentence_stands_twice(examples: tuple[Example, ...]) -> None:
    counts = Counter(example.key for example in examples)

    assert [key for key, count in counts.items() if count > 1] == []


def test_enough_of_the_examples_are_in_latin_letters_in_english_and_mixed(examples: tuple[Example, ...]) -> None:
    counts = Counter(detect_language(example.text) for example in examples)

    shares = {style: counts[style] / len(examples) for style in STYLES_AT_LEAST}  # type: ignore[index]
    assert {style: share for style, share in shares.items() if share < STYLES_AT_LEAST[style]} == {}


@pytest.mark.parametrize("name", ["dev", "test"])
def test_no_held_out_sentence_is_trained_on(examples: tuple[Example, ...], name: str) -> None:
    """The lines of entities.jsonl measure rules, which are not trained."""
    trained = {example.key: f"{example.path.name}:{example.line}" for example in examples}
    lines = read_lines(PATHS.nlu / "evaluation" / f"{name}.jsonl")

    assert {line.text: trained[key] for line in lines if (key := match_key(line.text)) in trained} == {}


def test_every_id_is_measured_on_enough_sentences(held_out: tuple[Line, ...], topics: Topics) -> None:
    counts = Counter(line.intent for line in held_out)
    least = {intent: 8 for intent, _ in minimums(topics)} | {OUT_OF_SCOPE: 200}

    assert {intent: counts[intent] for intent, n in least.items() if counts[intent] < n} == {}
    assert sum(counts[crisis] for crisis in topics.crisis) >= 100
    assert sum(line.is_near_crisis for line in held_out) >= 100
