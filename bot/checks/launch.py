"""What must exist before returnees may be told of the bot: who is called, who answers, and who read the words.

Each thing stands in one place: a setting, a verified fact, or content/launch.yml, where a named person answers for it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from bot.checks import Finding, as_finding
from bot.content import facts as facts_file
from bot.content.fields import Fields
from bot.content.loader import load_content
from bot.content.model import Content, FactKind
from bot.documents import Document, read_yaml
from bot.errors import ContentError, ContentErrors
from bot.settings import Paths
from bot.topics import load_topics

FILE: Final = "launch.yml"
SETTING: Final = Path("CRISIS_PHONE")
"""Stands where else a file is named."""
NOT_FOR_ADULTS_IN_DANGER: Final = ("police_phone", "child_helpline_phone")
CODE_CHARS: Final = 12

FACTS: Final[dict[str, tuple[str, FactKind]]] = {
    "office_hours": ("The hours in which people answer", "text"),
    "legal_aid_phone": ("A number for legal aid", "phone"),
    "womens_shelter_phone": ("The number of a women's shelter", "phone"),
    "trafficking_phone": ("A number for people who were trafficked", "phone"),
    "ambulance_phone": ("The number of an ambulance", "phone"),
    "thai_emergency_phone": ("A number for danger in Thailand", "phone"),
}
"""Facts that must be there and verified: what each is, and its kind."""

DECISIONS: Final = {
    "on_call_list": "who is called in danger, and who next after five minutes",
    "complaint_focal_person": "who alone reads complaints about staff",
}
"""What somebody must have decided, and answers for."""

TEXTS: Final = {
    "crisis_texts": "crisis_",
    "consent_texts": "consent_",
    "estimate_texts": "estimate_",
}
"""Texts that a native reader must have approved, and how their keys begin."""

_FIELDS: Final = ("approved_by", "approved_on", "texts")


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A named person answers for something since a day; texts is the code of the words that they read."""

    by: str
    on: date | None
    texts: str


def check_launch(paths: Paths, wrong_settings: Sequence[str], *, crisis_phone: str, today: date) -> list[Finding]:
    """One finding for each thing that is missing; none where the bot may go to returnees.

    wrong_settings are the lines of what is wrong there. Where content can not be read only they are said here: the rest
    is what check_everything says.
    """
    parted = [line.partition(":") for line in wrong_settings]
    findings = [_missing(Path(name), None, words.strip(), "") for name, _, words in parted if name != str(SETTING)]
    try:
        content = load_content(paths.content, topics=load_topics(paths.topics), today=today)
    except ContentErrors:
        return findings
    findings += [*_crisis_phone(content, crisis_phone), *_facts(content, read_yaml(paths.content / facts_file.FILE))]
    try:
        document, approvals = read_approvals(paths.content / FILE, today=today)
    except ContentErrors as errors:
        return [*findings, *map(as_finding, errors.errors)]
    return [*findings, *_decisions(document, approvals), *_texts(content, document, approvals)]


def read_approvals(file: Path, *, today: date) -> tuple[Document, dict[str, Approval]]:
    """What stands in the file, and what of it is approved.

    Raises:
        ContentErrors: all that is wrong with it, each with its line.
    """
    try:
        document = read_yaml(file)
    except ContentError as error:
        raise ContentErrors([error]) from error
    problems: list[ContentError] = []
    if not isinstance(document.value, dict):
        raise ContentErrors([document.error("There are no names here.", "Write name: {approved_by: …} for each.")])
    found = {name: _approval(document, name, problems, today) for name in document.value}
    if problems:
        raise ContentErrors(problems)
    return document, {name: approval for name, approval in found.items() if approval.by}


def _approval(document: Document, name: str, problems: list[ContentError], today: date) -> Approval:
    fields = Fields(document=document, keys=(name,), problems=problems)
    if name not in DECISIONS and name not in TEXTS:
        fields.wrong(f"“{name}” is not known here.", f"It may be: {', '.join((*DECISIONS, *TEXTS))}.")
    if not fields.are_fields(_FIELDS):
        return Approval(by="", on=None, texts="")
    approval = Approval(
        by=fields.text("approved_by", may_be_empty=True),
        on=fields.day("approved_on", today=today),
        texts=fields.text("texts", may_be_empty=True),
    )
    if bool(approval.by) != bool(fields.text("approved_on", may_be_empty=True)):
        fields.wrong(f"“{name}” needs a name and a day, or neither.", "Write approved_by and approved_on.")
    return approval


def texts_code(content: Content, beginning: str) -> str:
    """A short code of all Khmer texts whose keys begin so, another one after any change; empty if there are none."""
    texts = sorted((file, key, text) for (language, file, key), text in content.texts.items() if language == "km")
    wanted = [text for text in texts if text[1].startswith(beginning)]
    return hashlib.sha256(repr(wanted).encode()).hexdigest()[:CODE_CHARS] if wanted else ""


def _crisis_phone(content: Content, crisis_phone: str) -> Iterator[Finding]:
    digits = _digits(crisis_phone)
    if not digits:
        yield _missing(SETTING, None, "There is no adult crisis line.", "Agree on one, call it, and set CRISIS_PHONE.")
    for name in NOT_FOR_ADULTS_IN_DANGER:
        fact = content.facts.get(name)
        if fact and digits and digits in map(_digits, fact.value.values()):
            problem = f"This is {name} of facts.yml, and no crisis line for adults."
            yield _missing(SETTING, None, problem, "Agree on one, call it, and set CRISIS_PHONE.")


def _facts(content: Content, document: Document) -> Iterator[Finding]:
    for name, (what, kind) in FACTS.items():
        fact = content.facts.get(name)
        if fact is None:
            fix = f"Ask who answers there, then write {name}, with kind: {kind} and verified: true."
            yield _missing(document.path, None, f"{what} is missing: there is no fact “{name}”.", fix)
        elif fact.kind != kind:
            problem = f"{what} must be of the kind {kind}."
            yield _missing(document.path, document.line(name), problem, f"Write kind: {kind}.")
        elif not fact.verified:
            fix = "Ask who answers there, then write value, as_of and verified: true."
            yield _missing(document.path, document.line(name), f"{what} is not verified.", fix)


def _decisions(document: Document, approvals: dict[str, Approval]) -> Iterator[Finding]:
    for name, what in DECISIONS.items():
        if name not in approvals:
            problem = f"Nobody answers for “{name}”: {what}."
            yield _missing(document.path, document.line(name), problem, "Decide it; write approved_by and approved_on.")


def _texts(content: Content, document: Document, approvals: dict[str, Approval]) -> Iterator[Finding]:
    for name, beginning in TEXTS.items():
        code, approval, line = texts_code(content, beginning), approvals.get(name), document.line(name)
        fix = f"A native reader reads them; then write approved_by, approved_on and texts: {code}."
        if not code:
            problem = f"There are no {name.replace('_', ' ')} yet: no key of content/km begins with {beginning}."
            yield _missing(document.path, line, problem, "Write them, and have a native reader read them.")
        elif approval is None:
            yield _missing(document.path, line, f"No native reader has approved the {name.replace('_', ' ')}.", fix)
        elif approval.texts != code:
            problem = f"The {name.replace('_', ' ')} are not those that {approval.by} approved."
            yield _missing(document.path, line, problem, fix)


def _digits(phone: str) -> str:
    return "".join(sign for sign in phone if sign.isdigit())


def _missing(path: Path, line: int | None, problem: str, fix: str) -> Finding:
    return Finding(level="error", path=path, line=line, problem=problem, fix=fix)
