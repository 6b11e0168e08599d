"""What can be wrong with the examples, the options of the understanding, and the menu."""

from bot.checks import Finding, as_finding
from bot.errors import ContentErrors
from bot.nlu.examples import load_examples
from bot.nlu.training import load_pipeline
from bot.settings import Paths
from bot.topics import Topics


def check_nlu(paths: Paths, topics: Topics) -> list[Finding]:
    """Everything that training would refuse."""
    findings: list[Finding] = []
    for load in (lambda: load_examples(paths.nlu / "data", topics), lambda: load_pipeline(paths.pipeline)):
        try:
            load()
        except ContentErrors as errors:
            findings.extend(map(as_finding, errors.errors))
    return findings
