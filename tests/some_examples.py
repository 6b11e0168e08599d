"""A copy of the understanding's files with only some of the examples, for what has to train in seconds."""

import shutil
from collections import defaultdict

from bot.nlu.examples import load_examples
from bot.settings import REPOSITORY, Paths
from bot.topics import load_topics


def copy_some_examples(paths: Paths, per_intent: int | None) -> None:
    """Copies config.yml, topics.yml and about so many examples of every intent, from all over their files.

    None: all of them.
    """
    source = Paths(root=REPOSITORY)
    (paths.nlu / "data").mkdir(parents=True)
    shutil.copy(source.pipeline, paths.pipeline)
    shutil.copy(source.topics, paths.topics)
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for example in load_examples(source.nlu / "data", load_topics(source.topics)):
        texts[example.intent].append(example.text)
    blocks = []
    for intent, of_intent in texts.items():
        some = of_intent[:: max(1, len(of_intent) // per_intent) if per_intent else 1]
        blocks.append(f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in some))
    (paths.nlu / "data" / "some.yml").write_text('version: "3.1"\nnlu:\n' + "".join(blocks), encoding="utf-8")
