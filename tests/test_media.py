"""What a file is, is said by its content alone; a view holds nothing but pixels; nothing hostile is decoded."""

import io
import tracemalloc

import pytest
from PIL import Image

from bot.errors import MediaRefused
from bot.media import BYTES_MOST, KEPT_KINDS, VIEW_PIXELS, Inspected, inspect, view_of
from bot.model import AttachmentKind
from tests.files import CANARY, hostile, pdf, photo, png_of, voice

HOSTILE = list(hostile())


@pytest.mark.parametrize(
    ("content", "kind", "type"),
    [
        (photo(), "photo", "image/jpeg"),
        (photo("PNG"), "photo", "image/png"),
        (photo("WEBP"), "photo", "image/webp"),
        (photo(), "document", "image/jpeg"),
        (voice(), "voice", "audio/ogg"),
        (pdf(), "document", "application/pdf"),
        (b"\x1a\x45\xdf\xa3" + b"\x42\x82\x84webm" + bytes(50), "voice", "video/webm"),
        (bytes(4) + b"ftypisom" + bytes(50), "video", "video/mp4"),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, kind: AttachmentKind, type: str) -> None:
    assert inspect(content, kind) == Inspected(type=type, size=len(content))


@pytest.mark.parametrize(("name", "content", "reason"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_what_is_hostile_is_refused(name: str, content: bytes, reason: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MediaRefused) as refused:
            inspect(content, "photo")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    if refused.value.reason == "damaged" or reason == "damaged":
        assert refused.value.reason in ("damaged", "too_many_pixels", "type")
    else:
        assert refused.value.reason == reason
    assert peak < 20_000_000


def test_there_are_enough_hostile_files() -> None:
    assert len(HOSTILE) >= 36


def test_what_is_too_big_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(MediaRefused, match="too_big"):
        inspect(photo() + bytes(BYTES_MOST), "photo")


@pytest.mark.parametrize("kind", ["sticker", "location", "contact", "other"])
def test_other_kinds_are_not_kept(kind: AttachmentKind) -> None:
    assert kind not in KEPT_KINDS
    with pytest.raises(MediaRefused, match="type"):
        inspect(photo(), kind)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_view_says_nothing_of_where_it_was_taken_and_stands_upright(format: str) -> None:
    content = photo(format, (3000, 2000))
    assert CANARY in content

    view = view_of(content, f"image/{format.lower()}")

    assert view is not None
    assert CANARY not in view
    with Image.open(io.BytesIO(view)) as picture:
        assert picture.format == "JPEG"
        assert not picture.getexif()
        assert "icc_profile" not in picture.info
        assert max(picture.size) <= VIEW_PIXELS
        assert picture.height > picture.width


def test_a_picture_that_is_cut_off_has_no_view_and_no_traceback() -> None:
    with pytest.raises(MediaRefused, match="damaged"):
        view_of(photo("PNG")[:-200], "image/png")
    with pytest.raises(MediaRefused, match="damaged"):
        view_of(png_of(100, 100, b"no data"), "image/png")


@pytest.mark.parametrize(("content", "type"), [(voice(), "audio/ogg"), (pdf(), "application/pdf")])
def test_what_is_no_picture_has_no_view(content: bytes, type: str) -> None:
    assert view_of(content, type) is None
