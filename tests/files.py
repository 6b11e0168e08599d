"""Files as phones send them, and as people send them who mean harm; made here, so that none is in the repository."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

CANARY = b"canary-gps-11.5564N-104.9282E"


def photo(format: str = "JPEG", size: tuple[int, int] = (640, 480)) -> bytes:
    """A picture that says where it was taken."""
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    exif[0x0112] = 6  # turned
    picture = Image.new("RGB", size, (200, 120, 40))
    picture.paste((20, 90, 200), (0, 0, size[0] // 2, size[1]))
    written = io.BytesIO()
    picture.save(written, format, exif=exif.tobytes())
    return written.getvalue()


def voice() -> bytes:
    """The beginning of a voice message."""
    return b"OggS\x00\x02" + bytes(22) + b"OpusHead" + bytes(200)


def pdf() -> bytes:
    """A paper."""
    return b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def film() -> bytes:
    """The beginning of a film."""
    return b"\0\0\0\x20ftypisom" + bytes(60)


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says it is so large, whatever is in it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def archive() -> bytes:
    """An archive that unpacks to a thousand times its size."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("bomb", bytes(5_000_000))
    return written.getvalue()


def hostile() -> Iterator[tuple[str, bytes, str]]:
    """Files that must not be kept as photos: a name, the bytes, and the reason that is given."""
    jpeg, png = photo(), photo("PNG")
    yield "nothing", b"", "empty"
    for name, content in {
        "a page": b"<html><script>alert(1)</script></html>",
        "a drawing with a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "a program for Windows": b"MZ" + bytes(200),
        "a program for Linux": b"\x7fELF" + bytes(200),
        "a program for phones": archive().replace(b"bomb", b"AndroidManifest.xml"[:4]),
        "an archive that unpacks to much": archive(),
        "a shell script": b"#!/bin/sh\nrm -rf /\n",
        "a macro": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
        "a moving picture": b"GIF89a" + bytes(100),
        "a bitmap": b"BM" + bytes(100),
        "a TIFF": b"II*\x00" + bytes(100),
        "a Photoshop file": b"8BPS\x00\x01" + bytes(100),
        "an icon": b"\x00\x00\x01\x00" + bytes(100),
        "a fax": b"\x00" * 64,
        "text": b"hello",
        "JSON": b'{"a": 1}',
        "a voice": voice(),
        "a paper": pdf(),
        "PostScript": b"%!PS-Adobe-3.0\n(/etc/passwd) run\n",
        "a playlist": b"#EXTM3U\nhttp://127.0.0.1/\n",
        "a virtual machine's disk": b"QFI\xfb" + bytes(100),
        "a page with a picture's name": b"\n\n<!DOCTYPE html><img src=x.jpg>",
        "nearly a JPEG": b"\xff\xd8" + bytes(100),
        "nearly a PNG": b"\x89PNX\r\n\x1a\n" + bytes(100),
    }.items():
        yield name, content, "type"
    for name, content in {
        "a JPEG's first bytes": jpeg[:20],
        "a JPEG's head": jpeg[:3] + bytes(50),
        "a PNG's first bytes": png[:16],
        "a PNG without a head": png[:8] + png[40:],
        "a PNG whose head is wrong": png[:16] + b"\xff" * 8 + png[24:],
        "a JPEG and an archive after its mark": jpeg[:4] + archive(),
        "a WebP's first bytes": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        "a WebP of nothing": b"RIFF\x24\x00\x00\x00WEBPVP8L" + bytes(16),
    }.items():
        yield name, content, "damaged"
    for name, (width, height) in {
        "a bomb of 100,000 × 100,000": (100_000, 100_000),
        "a wide bomb": (2**31 - 1, 1),
        "a high bomb": (1, 2**31 - 1),
        "a bomb of 5,000 × 5,000": (5000, 5000),
    }.items():
        yield name, png_of(width, height, zlib.compress(bytes(1000))), "too_many_pixels"
