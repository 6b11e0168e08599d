"""The web chat's contract, against a real server."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx_sse import connect_sse

from bot.web.webchat import FLOOD, TEXT_MAX_CHARS
from tests.serving import Served
from tests.web.conftest import post


def messages_after(client: httpx.Client, after: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/chat/api/messages", params={"after": after}).json()["messages"]
    return found


def first_answer(client: httpx.Client, after: int = 0) -> dict[str, Any]:
    """The first message of the bot after a number, from the stream: it comes when it is there."""
    with connect_sse(client, "GET", "/chat/api/events", params={"after": after}) as stream:
        for event in stream.iter_sse():
            message: dict[str, Any] = json.loads(event.data)
            if event.event == "message" and message["author"] == "bot":
                return message
    raise AssertionError("the stream ended")


def test_a_message_is_accepted_with_its_number_and_answered(client: httpx.Client) -> None:
    response = post(client, "thaoke ot berk luy oy nhom")

    assert (response.status_code, response.json()) == (202, {"seq": 1})
    answer = first_answer(client)
    assert answer["answer"] == "unpaid_wages"
    assert set(answer) == {"seq", "author", "text", "buttons", "answer", "at", "lang"}


def test_the_same_id_again_gives_the_same_number_and_no_second_answer(client: httpx.Client) -> None:
    message_id = str(uuid4())
    first = post(client, "menu", message_id)
    first_answer(client)
    before = len(messages_after(client))

    again = post(client, "menu", message_id)

    assert (again.status_code, again.json()) == (200, first.json())
    assert len(messages_after(client)) == before


def test_a_button_can_be_pressed(client: httpx.Client) -> None:
    post(client, "hello")
    button = first_answer(client)["buttons"][0]

    response = client.post("/chat/api/messages", json={"id": str(uuid4()), "button": button["id"]})

    assert response.status_code == 202
    contact = [message for message in messages_after(client) if message["author"] == "contact"]
    assert contact[-1]["text"] == button["title"]


def test_the_stream_goes_on_from_the_last_event_id(client: httpx.Client) -> None:
    post(client, "hello")
    seen = first_answer(client)["seq"]

    post(client, "menu")
    with connect_sse(client, "GET", "/chat/api/events", headers={"Last-Event-ID": str(seen)}) as stream:
        event = next(stream.iter_sse())

    assert int(event.id) == seen + 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("{", 400),
        ('{"id": "1", "text": "x"}', 400),
        (json.dumps({"id": str(uuid4())}), 400),
        (json.dumps({"id": str(uuid4()), "text": "x", "button": "y"}), 400),
        (json.dumps({"id": str(uuid4()), "text": 5}), 400),
        (json.dumps({"id": str(uuid4()), "text": "x", "more": 1}), 400),
        (json.dumps({"id": str(uuid4()), "text": "x" * (TEXT_MAX_CHARS + 1)}), 413),
        (json.dumps({"id": str(uuid4()), "text": "x" * 500_000}), 413),
        (json.dumps({"id": str(uuid4()), "button": "b" * 5000}), 400),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(client: httpx.Client, body: str, status: int) -> None:
    response = client.post("/chat/api/messages", content=body, headers={"content-type": "application/json"})

    assert response.status_code == status
    assert response.json()["error"]


def test_a_message_of_the_longest_length_is_taken(client: httpx.Client) -> None:
    response = post(client, "😀" * TEXT_MAX_CHARS)

    assert response.status_code == 202


def test_a_text_that_no_database_could_hold_is_taken_or_refused_but_breaks_nothing(client: httpx.Client) -> None:
    escaped = [r"\ud800", r"\u0000", r"\udfff\ud800", r"\u202e"]

    for text in escaped:
        body = f'{{"id": "{uuid4()}", "text": "a{text}b"}}'
        response = client.post("/chat/api/messages", content=body, headers={"content-type": "application/json"})
        assert response.status_code in (202, 400)
    assert post(client, "menu").status_code == 202


def test_another_content_type_is_refused(client: httpx.Client) -> None:
    assert client.post("/chat/api/messages", content="{}").status_code == 415


@pytest.mark.parametrize("cookie", [None, "short", "x" * 43 + "!"])
def test_without_a_cookie_of_ours_nothing_is_read_or_written(served: Served, cookie: str | None) -> None:
    with httpx.Client(base_url=served.address, cookies={"contact": cookie} if cookie else None) as stranger:
        assert post(stranger, "hello").status_code == 401
        assert stranger.get("/chat/api/messages").status_code == 401
        assert stranger.get("/chat/api/events").status_code == 401


def test_another_contact_reads_nothing_of_it(served: Served, client: httpx.Client) -> None:
    post(client, "hello")
    with httpx.Client(base_url=served.address) as other:
        other.get("/chat")
        assert messages_after(other) == []


def test_two_contacts_may_use_the_same_message_id(served: Served, client: httpx.Client) -> None:
    message_id = str(uuid4())
    post(client, "hello", message_id)
    with httpx.Client(base_url=served.address) as other:
        other.get("/chat")
        assert post(other, "hello", message_id).status_code == 202


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, "\u17e1"])
def test_a_number_that_is_none_is_refused(client: httpx.Client, after: str) -> None:
    assert client.get("/chat/api/messages", params={"after": after}).status_code == 400


def test_closing_ends_the_cookie_for_ever(served: Served, client: httpx.Client) -> None:
    post(client, "hello")
    token = client.cookies["contact"]

    client.post("/chat/close")

    with httpx.Client(base_url=served.address, cookies={"contact": token}) as thief:
        assert thief.get("/chat/api/messages").status_code == 401
        assert thief.get("/chat").cookies["contact"] != token


def test_the_page_keeps_the_cookie_of_a_contact_who_comes_back(client: httpx.Client) -> None:
    post(client, "hello")

    assert "set-cookie" not in client.get("/chat").headers


def test_hiding_tells_open_pages_to_forget_and_keeps_the_cover(client: httpx.Client) -> None:
    post(client, "thaoke ot berk luy oy nhom")
    first_answer(client)
    seq = post(client, "hide this chat now").json()["seq"]
    first_answer(client, after=seq)

    found = client.get("/chat/api/messages").json()
    with connect_sse(client, "GET", "/chat/api/events") as stream:
        event = next(stream.iter_sse())
    assert found["hidden_through"] == seq
    assert [message["author"] for message in found["messages"]] == ["bot"]
    assert (event.event, event.data) == ("hidden", str(seq))


def test_a_flood_is_told_when_to_go_on(client: httpx.Client) -> None:
    statuses = [post(client, "menu") for _ in range(FLOOD.amount + 1)]

    assert [response.status_code for response in statuses[:-1]] == [202] * FLOOD.amount
    assert statuses[-1].status_code == 429
    assert 1 <= int(statuses[-1].headers["Retry-After"]) <= 60


def test_pages_are_not_kept_and_run_no_foreign_script(client: httpx.Client) -> None:
    headers = client.get("/chat").headers

    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_health_says_that_the_content_is_the_newest(client: httpx.Client) -> None:
    health = client.get("/healthz")

    assert (health.status_code, health.json()["content_problems"]) == (200, 0)
