"""The line before a platform: its rate, its holds, one message at a time while it is down."""

import asyncio
from uuid import uuid4

import pytest

from bot.channels.base import Capabilities
from bot.storage.outbound import Destination
from bot.work.pace import DOWN_AFTER, Lane


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
def lane(clock: Clock) -> Lane:
    limits = Capabilities(buttons=True, sends_per_s=2, chat_sends_per_s=1)
    return Lane(capabilities=limits, clock=clock, chance=lambda: 1.0)


def to(contact_ref: str) -> Destination:
    return Destination(conversation_id=uuid4(), channel="telegram", bot="b", contact_ref=contact_ref)


async def taken(lane: Lane) -> Destination | None:
    """Whose turn it is at this moment, if anybody's."""
    try:
        return await asyncio.wait_for(lane.take(), 0.005)
    except TimeoutError:
        return None


async def test_messages_leave_in_the_order_in_which_they_came(lane: Lane) -> None:
    line = [to("1"), to("2")]
    for one in line:
        lane.put(one)

    assert [await taken(lane), await taken(lane)] == line


async def test_no_more_leave_than_the_platform_takes_in_any_second(lane: Lane, clock: Clock) -> None:
    for n in range(4):
        lane.put(to(str(n)))
    first, second = await taken(lane), await taken(lane)
    assert first
    assert second

    clock.at += 5  # as long as the platform has not answered, it may have counted them in this moment
    assert await taken(lane) is None
    lane.done(first, answered=True)
    clock.at += 0.4
    lane.done(second, answered=True)
    clock.at += 0.5
    assert await taken(lane) is None
    clock.at += 0.11
    assert await taken(lane)
    assert await taken(lane) is None
    clock.at += 0.4
    assert await taken(lane)


def test_a_contact_gets_the_next_message_a_second_after_the_last_was_taken(lane: Lane, clock: Clock) -> None:
    one, other = to("1"), to("2")
    lane.begin()
    clock.at += 0.4
    lane.done(one, answered=True)

    assert (lane.chat_wait_s(one), lane.chat_wait_s(other)) == (1.0, 0.0)
    clock.at += 1
    assert lane.chat_wait_s(one) == 0.0


async def test_while_the_bot_is_held_nothing_leaves(lane: Lane, clock: Clock) -> None:
    lane.put(to("1"))
    lane.hold(30)
    clock.at += 29.99

    assert await taken(lane) is None
    clock.at += 0.02
    assert await taken(lane)


async def test_a_shorter_hold_does_not_end_a_longer_one(lane: Lane, clock: Clock) -> None:
    lane.hold(30)
    lane.hold(1)

    assert lane.held_s() == 30


def fail(lane: Lane, *contacts: Destination) -> None:
    for contact in contacts:
        lane.begin()
        lane.done(contact, answered=False)


async def test_a_platform_that_fails_for_several_contacts_gets_one_message_at_a_time(lane: Lane, clock: Clock) -> None:
    fail(lane, *(to(str(n)) for n in range(DOWN_AFTER)))
    lane.put(first := to("a"))
    lane.put(to("b"))

    assert await taken(lane) is None
    clock.at += 1.1
    assert await taken(lane) == first
    clock.at += 60
    assert await taken(lane) is None
    lane.done(first, answered=True)
    assert await taken(lane)


async def test_a_message_that_always_fails_stops_nobody_else(lane: Lane, clock: Clock) -> None:
    poison = to("poison")
    fail(lane, *[poison] * 50)
    clock.at += 1.1
    lane.put(to("other"))

    assert await taken(lane)


async def test_the_line_goes_on_when_somebody_comes(lane: Lane) -> None:
    waiting = asyncio.create_task(lane.take())
    await asyncio.sleep(0)
    lane.put(late := to("late"))

    assert await waiting == late
