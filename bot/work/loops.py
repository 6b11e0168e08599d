"""What loops beside the web application have in common: they end soon after they are told to."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def unless_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """What the work gives; None where stop is set first, and the work is then broken off."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.wait((working, stopping))


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Waits so long, or until stop is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def whenever(
    called: asyncio.Event, work: Callable[[], Awaitable[object]], *, every_s: float | None = None
) -> None:
    """Works at once, whenever it is called, and at the latest after so many seconds, until it is broken off."""
    while True:
        called.clear()
        await work()
        with suppress(TimeoutError):
            await asyncio.wait_for(called.wait(), every_s)
