"""All that `returnee-bot check` looks at."""

from datetime import date

from bot.checks import Finding, as_finding
from bot.checks.content import check_content
from bot.checks.nlu import check_nlu
from bot.errors import ContentErrors
from bot.flows.loader import load_menu
from bot.settings import Paths
from bot.topics import Topics, load_topics


def check_everything(paths: Paths, *, today: date) -> list[Finding]:
    """Every finding, errors first."""
    try:
        topics = load_topics(paths.topics)
    except ContentErrors as errors:
        return [as_finding(error) for error in errors.errors]
    findings = [*check_content(paths.content, topics, today), *_check_menu(paths, topics), *check_nlu(paths, topics)]
    return sorted(findings, key=lambda finding: not finding.is_error)


def _check_menu(paths: Paths, topics: Topics) -> list[Finding]:
    try:
        load_menu(paths.flows, answers=topics.answer_ids, controls=frozenset(topics.controls))
    except ContentErrors as errors:
        return [as_finding(error) for error in errors.errors]
    return []
