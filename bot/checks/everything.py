"""All that `returnee-bot check` looks at."""

from datetime import date

from bot.checks import Finding, as_finding
from bot.checks.content import check_content
from bot.checks.nlu import check_nlu
from bot.content.loader import load_content
from bot.content.texts import said_by_program
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
    findings = [
        *check_content(paths.content, topics, today, said=said_by_program()),
        *_check_menu(paths, topics, today),
        *check_nlu(paths, topics),
    ]
    return sorted(findings, key=lambda finding: not finding.is_error)


def _check_menu(paths: Paths, topics: Topics, today: date) -> list[Finding]:
    try:
        content = load_content(paths.content, topics=topics, today=today)
    except ContentErrors:  # said already; the menu can be read only beside content that is right
        return []
    try:
        load_menu(
            paths.flows,
            answers=content.entries.keys(),
            controls=topics.controls,
            titles=content.keys_of("bot"),
        )
    except ContentErrors as errors:
        return [as_finding(error) for error in errors.errors]
    return []
