"""Tells when files that people edit may have changed, for whoever takes the new ones while the bot runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

from watchfiles import awatch
from watchfiles.main import FileChange

LOOK_EVERY_MS: Final = 500
DEBOUNCE_MS: Final = 400
QUIET_MS: Final = 100
Signature = frozenset[tuple[str, int, int, int]]


def signature(*paths: Path) -> Signature:
    """What the files, and all below the folders, look like from outside; another one when any of them was written,
    moved or replaced.
    """
    found = []
    for path in paths:
        with suppress(OSError):  # deleted while we look: the next look sees the rest
            for part in (path, *path.rglob("*")):
                about = part.stat()
                found.append((str(part), about.st_ino, about.st_mtime_ns, about.st_size))
    return frozenset(found)


async def looks(*paths: Path, stop: asyncio.Event) -> AsyncGenerator[bool, None]:
    """Tells when to look at the files and folders, at least every half second, and whether a change was reported.

    watchfiles only makes it faster: whoever looks compares signatures. So a watch survives a folder that is moved,
    deleted or replaced, and a file system that reports no changes.
    """
    while not stop.is_set():
        watched = _inodes(paths)
        with suppress(OSError, RuntimeError):  # one of them is not there, or the system gives no more watches
            async with aclosing(_reports(paths)) as reports:
                async for changes in reports:
                    yield bool(changes)
                    if stop.is_set() or _inodes(paths) != watched:
                        break
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_MS / 1000)
        yield False


def _inodes(paths: tuple[Path, ...]) -> list[int | None]:
    return [_inode(path) for path in paths]


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _reports(paths: tuple[Path, ...]) -> AsyncGenerator[set[FileChange], None]:
    return awatch(
        *paths,
        watch_filter=None,
        debounce=DEBOUNCE_MS,
        step=QUIET_MS,
        rust_timeout=LOOK_EVERY_MS,
        yield_on_timeout=True,
    )
