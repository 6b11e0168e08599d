"""What a file is, by its content alone, and a view of a picture without what it says about where it was taken.

Names and types that came with a file are not looked at: whoever sends it chose them. Pure but for the memory it takes,
which the caps bound before anything is decoded.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Final

import filetype
from PIL import Image, ImageOps

from bot.errors import MediaRefused
from bot.model import AttachmentKind

BYTES_MOST: Final = 20_000_000
"""What Telegram gives a bot, and more than a phone's photo or an hour of voice."""
JPEG_PIXELS_MOST: Final = 110_000_000
"""A JPEG is decoded at a fraction of its size."""
PIXELS_MOST: Final = 16_000_000
VIEW_PIXELS: Final = 1600
VIEW_TYPE: Final = "image/jpeg"
_JPEG: Final = "image/jpeg"
_VIEWABLE: Final = frozenset({_JPEG, "image/png", "image/webp"})
_IMAGES: Final = _VIEWABLE | {"image/heic"}
_SOUNDS: Final = frozenset(
    {"audio/ogg", "audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/amr", "video/webm"}
)
_FILMS: Final = frozenset({"video/mp4", "video/webm", "video/3gpp", "video/quicktime", "video/x-m4v"})
_TYPES: Final[dict[AttachmentKind, frozenset[str]]] = {
    "photo": _IMAGES,
    "voice": _SOUNDS | _FILMS,
    "video": _FILMS,
    "video_note": _FILMS,
    "document": _IMAGES | _SOUNDS | _FILMS | {"application/pdf"},
}
KEPT_KINDS: Final = frozenset(_TYPES)
"""The kinds of attachment whose file is kept."""


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What a file is: its type as a MIME name, and its bytes."""

    type: str
    size: int


def inspect(content: bytes, kind: AttachmentKind) -> Inspected:
    """What the file is.

    Raises:
        MediaRefused: it is empty, too big, of a type that is not kept for this kind, or a picture of too many pixels.
    """
    if not content:
        raise MediaRefused("empty")
    if len(content) > BYTES_MOST:
        raise MediaRefused("too_big")
    type = filetype.guess_mime(content) or ""
    if type not in _TYPES.get(kind, frozenset()):
        raise MediaRefused("type")
    if type in _VIEWABLE:
        with _opened(content, type):
            pass
    return Inspected(type=type, size=len(content))


def view_of(content: bytes, type: str) -> bytes | None:
    """A JPEG of the picture, at most 1,600 pixels wide and high, with its pixels alone; None where it has no view.

    Raises:
        MediaRefused: it can not be decoded.
    """
    if type not in _VIEWABLE:
        return None
    with _opened(content, type) as picture:
        picture.draft("RGB", (VIEW_PIXELS, VIEW_PIXELS))
        try:
            turned = ImageOps.exif_transpose(picture)
            turned.thumbnail((VIEW_PIXELS, VIEW_PIXELS))
            plain = Image.new("RGB", turned.size, "white")
            plain.paste(turned.convert("RGBA"), mask=turned.convert("RGBA").getchannel("A"))
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise MediaRefused("damaged") from error
    written = io.BytesIO()
    plain.save(written, "JPEG", quality=85)
    return written.getvalue()


def _opened(content: bytes, type: str) -> Image.Image:
    """The picture with its size known and nothing decoded."""
    format = type.removeprefix("image/").upper()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own caps are lower
            picture = Image.open(io.BytesIO(content), formats=[format])
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise MediaRefused("damaged") from error
    width, height = picture.size
    if width * height > (JPEG_PIXELS_MOST if type == _JPEG else PIXELS_MOST):
        picture.close()
        raise MediaRefused("too_many_pixels")
    return picture
