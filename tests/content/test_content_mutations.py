"""Whatever stands in the files, reading them gives valid content or ContentErrors, and valid content can be said."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.placeholders import ARGS
from bot.content.render import render_answer, text
from bot.errors import ContentErrors
from bot.model import LANGUAGES
from bot.topics import Topics, load_topics

WHOLE = Path(__file__).parent.parent / "data" / "content" / "whole"
TOPICS = load_topics(WHOLE.parent / "topics.yml")
TODAY = date(2026, 11, 24)
FILES = sorted(str(path.relative_to(WHOLE)) for path in WHOLE.rglob("*") if path.is_file())

Mutation = Callable[[bytes], bytes]
share = st.floats(0, 1)
pieces = [
    *(b"{", b"}", b"{{", b"{}", b"{0}", b"{a.b}", b"*x", b"&x", b"a: &a [*a]", b"? [b]", b"<<: *x", b"!!binary x"),
    *(b"[" * 100_000, b"- " * 100_000, b"9" * 400, b"%YAML 9.9", b"\n---\n", b": :", b"# ", b"null", b"~"),
    *(b"0000-00-00", b"2026-11-22T00:00", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\x8b", b"\r", b"\t"),
]
hostile = st.one_of(
    st.sampled_from(pieces),
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda words: words.encode("utf-8", "replace")),
)


def _insert(at: float, what: bytes) -> Mutation:
    return lambda old: old[: int(at * len(old))] + what + old[int(at * len(old)) :]


def _cut(start: float, length: float) -> Mutation:
    def cut(old: bytes) -> bytes:
        first = int(start * len(old))
        return old[:first] + old[first + int(length * 60) :]

    return cut


def _repeat(start: float, length: float) -> Mutation:
    def repeat(old: bytes) -> bytes:
        first = int(start * len(old))
        part = old[first : first + int(length * 200)]
        return old[:first] + part + old[first:]

    return repeat


def _move_line(start: float, end: float) -> Mutation:
    def move(old: bytes) -> bytes:
        lines = old.split(b"\n")
        line = lines.pop(int(start * (len(lines) - 1)))
        lines.insert(int(end * len(lines)), line)
        return b"\n".join(lines)

    return move


mutations = st.one_of(
    st.builds(_insert, share, hostile),
    st.builds(_cut, share, share),
    st.builds(_repeat, share, share),
    st.builds(_move_line, share, share),
    hostile.map(lambda what: lambda old: what),
)


def _say_everything(content: Content) -> None:
    for language in LANGUAGES:
        for answer in content.entries:
            for withhold in (False, True):
                render_answer(content, answer, language, now=TODAY, withhold_unreviewed=withhold)
    for language, file, key in content.texts:
        text(content, language, f"{file}.{key}", **dict.fromkeys(ARGS.get((file, key), ()), "{x}"))


def _load_or_refuse(folder: Path, topics: Topics) -> None:
    with suppress(ContentErrors):
        content = load_content(folder, topics=topics, today=TODAY)
        _say_everything(content)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(FILES), mutation=mutations)
def test_a_file_changed_in_any_way_is_read_or_refused(name: str, mutation: Mutation) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = shutil.copytree(WHOLE, Path(temporary) / "content")
        (folder / name).write_bytes(mutation((folder / name).read_bytes()))
        _load_or_refuse(folder, TOPICS)


def test_a_file_in_place_of_a_folder_or_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    for number, name in enumerate([*FILES, "km", "en", "km/wages_thailand"]):
        folder = shutil.copytree(WHOLE, tmp_path / str(number))
        target = folder / name
        if target.is_dir():
            shutil.rmtree(target)
            target.write_text("x", encoding="utf-8")
        else:
            target.unlink()
            target.mkdir()
        _load_or_refuse(folder, TOPICS)
