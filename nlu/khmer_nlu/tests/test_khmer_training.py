"""Training gives the same model for the same examples."""

import numpy as np

from khmer_nlu.artefact import from_files, to_files
from khmer_nlu.features import View
from khmer_nlu.training import Options, train

CONFIG = {
    "cluster": [1, 3, 1.0],
    "phonetic": [3, 5, 1.5],
    "concept": [1, 1, 0.5],
    "concept_pair": [1, 5, 0.0],
    "danger": [1, 1, 0.0],
    "c": 0.5,
    "min_texts": 1,
    "wrong_answers": 0.05,
    "outside_answered": 0.15,
    "inside_refused": 0.04,
    "crisis_false_alarms": 0.01,
}
OPTIONS = Options.from_config(CONFIG)
EXAMPLES = [
    *((f"boss did not pay {n} months", "unpaid_wages") for n in range(2, 9)),
    *((f"need work in place {n}", "find_job") for n in range(2, 9)),
    *((f"football result {n}", "out_of_scope") for n in range(2, 9)),
]


def test_views_of_no_weight_are_left_out() -> None:
    assert OPTIONS.views == (
        View(name="cluster", shortest=1, longest=3, weight=1.0),
        View(name="phonetic", shortest=3, longest=5, weight=1.5),
        View(name="concept", shortest=1, longest=1, weight=0.5),
    )
    assert OPTIONS.c == 0.5


def test_neither_order_nor_repetition_of_the_examples_changes_the_model() -> None:
    one, other = train(EXAMPLES, OPTIONS), train([*reversed(EXAMPLES), EXAMPLES[3]], OPTIONS)

    (arrays, about), (other_arrays, other_about) = one.to_arrays(), other.to_arrays()
    assert about == other_about
    assert all(np.array_equal(arrays[name], other_arrays[name]) for name in arrays)


def test_a_model_outlives_its_files() -> None:
    model = train(EXAMPLES, OPTIONS)

    again = from_files(to_files(model))

    assert np.array_equal(again.margins("boss did not pay"), model.margins("boss did not pay"))
    assert again.classify("boss did not pay").ranking[0][0] == "unpaid_wages"


def test_a_model_without_terms_of_a_view_outlives_its_files() -> None:
    options = Options.from_config(CONFIG | {"danger": [1, 1, 0.5]})
    model = train(EXAMPLES, options)

    again = from_files(to_files(model))

    assert model.vocabulary.numbers[-1] == {}
    assert again.vocabulary.numbers == model.vocabulary.numbers
