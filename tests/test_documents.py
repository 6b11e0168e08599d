"""YAML is read as strings with line numbers, and whatever is wrong is said in an editor's words."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.documents import MAX_BYTES, Document, parse_as, read_text, read_yaml
from bot.errors import ContentError, ContentErrors


class Phone(BaseModel):
    number: str
    kind: str


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.yml"


def read(path: Path, text: str | bytes) -> Document:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def test_scalars_stay_as_they_were_typed(path: Path) -> None:
    document = read(path, "open: 8:30\nphone: 012345671\nyes: no\nday: 2026-11-22\nnothing:\nlist: [1, ~]\n")
    assert document.value == {
        "open": "8:30",
        "phone": "012345671",
        "yes": "no",
        "day": "2026-11-22",
        "nothing": "",
        "list": ["1", "~"],
    }


def test_each_part_knows_its_line_and_a_missing_part_that_of_what_is_around_it(path: Path) -> None:
    document = read(path, "a:\n  b:\n    - x\n    - y\nc: z\n")
    assert document.line("a", "b", 1) == 4
    assert document.line("c") == 5
    assert document.line("a", "b", 7) == 2
    assert document.line("q") == 1
    assert str(document.error("Wrong.", "Mend it.", "c")) == f"{path}:5: Wrong. Mend it."


def test_an_empty_file_is_an_empty_text(path: Path) -> None:
    assert read(path, "# nothing yet\n").value == ""


def test_line_ends_and_byte_order_marks_of_windows_are_taken_off(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\na: 2\n", 2, "“a” stands here twice"),
        ("a: [1\nb: 2\n", 2, "This is not YAML"),
        ("a: &x 1\nb: *x\n", 1, "aliases are not read here"),
        ("a: &x [*x]\n", 1, "aliases are not read here"),
        ("a: 1\n? [b]\n: c\n", 2, "is not a name"),
        ("a: 1\n{b}: c\n", 2, "is not a name"),
        ("a: 1\n---\nb: 2\n", 2, "This is not YAML"),
        ("a: 1\nb: \x07\n", 2, "A character is not allowed here"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        ("a: 1\nb: " + "[" * 100_000, 2, "nested too deep"),
        ("a: 1\nb:\n  " + "- " * 100_000, 3, "nested too deep"),
        (b"#" * (MAX_BYTES + 1), None, "larger than"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_can_not_be_read_is_said_with_its_line(
    path: Path, text: str | bytes, line: int | None, problem: str
) -> None:
    with pytest.raises(ContentError) as caught:
        read(path, text)
    assert problem in caught.value.problem
    assert caught.value.line == line


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="can not be read"):
        read_yaml(tmp_path / "nothing.yml")
    with pytest.raises(ContentError, match="can not be read"):
        read_text(tmp_path)


def test_a_part_becomes_a_value(path: Path) -> None:
    document = read(path, "phones:\n  - {number: 012345671, kind: police}\n")
    assert parse_as(Phone, document, "phones", 0) == Phone(number="012345671", kind="police")


def test_a_part_that_does_not_fit_is_said_with_the_line_of_each_field(path: Path) -> None:
    document = read(path, "phone:\n  number: [1]\n")
    with pytest.raises(ContentErrors) as caught:
        parse_as(Phone, document, "phone")
    assert [(error.line, error.problem.partition(":")[0]) for error in caught.value.errors] == [
        (1, "phone.kind"),
        (2, "phone.number"),
    ]


@pytest.mark.parametrize("keys", [("fax",), ("phone", "number", "more"), ("phone", 3)])
def test_a_part_that_is_missing_is_said(path: Path, keys: tuple[str | int, ...]) -> None:
    document = read(path, "phone:\n  number: 1\n")
    with pytest.raises(ContentErrors, match="is missing"):
        parse_as(Phone, document, *keys)
