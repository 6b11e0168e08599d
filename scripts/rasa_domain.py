"""Prints nlu/rasa_host/domain.yml, which Rasa wants beside the examples: the ids of topics.yml. `make rasa-domain`."""

import sys
from collections.abc import Iterator

from bot.settings import REPOSITORY, Paths
from bot.topics import Topics, load_topics
from khmer_nlu import OUT_OF_SCOPE
from khmer_nlu.entities import SLOTS

HEAD = """# Written by `make rasa-domain` from nlu/topics.yml; a test fails when it is stale.
version: "3.1"
"""


def domain_lines(topics: Topics) -> Iterator[str]:
    """The lines of the domain, in the order of topics.yml."""
    answers = [answer for of_theme in topics.answers.values() for answer in of_theme]
    yield "intents:"
    for intent in (*answers, *topics.flows, *topics.controls, *topics.crisis, OUT_OF_SCOPE):
        yield f"  - {intent}"
    yield "entities:"
    for entity in SLOTS:
        yield f"  - {entity}"


if __name__ == "__main__":
    sys.stdout.write(HEAD + "\n".join(domain_lines(load_topics(Paths(root=REPOSITORY).topics))) + "\n")
