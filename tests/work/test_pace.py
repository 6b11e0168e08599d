"""The line before a platform: its rate, its holds, one message at a time while it is down."""

import asyncio
from uuid import uuid4

import pytest

from bot.channels.base import Capabilities
from bot.storage.outbound import Destination
from bot.work.pace import DOWN_AFTER, Line


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(clock: Clock) -> Line:
    limits = Capabilities(buttons=True, sends_per_s=2, chat_sends_per_s=1)
    return Line(capabilities=limits, clock=clock, chance=lambda: 1.0)


def to(contact_ref: str) -> Destination:
    return Destination(conversation_id=uuid4(), channel="telegram", bot="b", contact_ref=contact_ref)


async def taken(line: Line) -> Destination | None:
    """Whose turn it is at this moment, if anybody's."""
    try:
        return await asyncio.wait_for(line.take(), 0.005)
    except TimeoutError:
        return None


async def test_messages_leave_in_the_order_in_which_they_came(line: Line) -> None:
    both = [to("1"), to("2")]
    for one in both:
        line.put(one)

    assert [await taken(line), await taken(line)] == both


async def test_no_more_leave_than_the_platform_takes_in_any_second(line: Line, clock: Clock) -> None:
    for n in range(4):
        line.put(to(str(n)))
    first, second = await taken(line), await taken(line)
    assert first
    assert second

    clock.at += 5  # as long as the platform has not answered, it may have counted them in this moment
    assert await taken(line) is None
    line.done(first, answered=True)
    clock.at += 0.4
    line.done(second, answered=True)
    clock.at += 0.5
    assert await taken(line) is None
    clock.at += 0.11
    assert await taken(line)
    assert await taken(line) is None
    clock.at += 0.4
    assert await taken(line)


def test_a_contact_gets_the_next_message_a_second_after_the_last_was_taken(line: Line, clock: Clock) -> None:
    one, other = to("1"), to("2")
    line.begin()
    clock.at += 0.4
    line.done(one, answered=True)

    assert (line.chat_wait_s(one), line.chat_wait_s(other)) == (1.0, 0.0)
    clock.at += 1
    assert line.chat_wait_s(one) == 0.0


async def test_while_the_bot_is_held_nothing_leaves(line: Line, clock: Clock) -> None:
    line.put(to("1"))
    line.hold(30)
    clock.at += 29.99

    assert await taken(line) is None
    clock.at += 0.02
    assert await taken(line)


async def test_a_shorter_hold_does_not_end_a_longer_one(line: Line, clock: Clock) -> None:
    line.hold(30)
    line.hold(1)

    assert line.held_s() == 30


def fail(line: Line, *contacts: Destination) -> None:
    for contact in contacts:
        line.begin()
        line.done(contact, answered=False)


async def test_a_platform_that_fails_for_several_contacts_gets_one_message_at_a_time(line: Line, clock: Clock) -> None:
    fail(line, *(to(str(n)) for n in range(DOWN_AFTER)))
    line.put(first := to("a"))
    line.put(to("b"))

    assert await taken(line) is None
    clock.at += 1.1
    assert await taken(line) == first
    clock.at += 60
    assert await taken(line) is None
    line.done(first, answered=True)
    assert await taken(line)


async def test_a_message_that_always_fails_stops_nobody_else(line: Line, clock: Clock) -> None:
    poison = to("poison")
    fail(line, *[poison] * 50)
    clock.at += 1.1
    line.put(to("other"))

    assert await taken(line)


async def test_the_line_goes_on_when_somebody_comes(line: Line) -> None:
    waiting = asyncio.create_task(line.take())
    await asyncio.sleep(0)
    line.put(late := to("late"))

    assert await waiting == late
