"""Photos and voice over the web chat's API, against a real server."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from bot.media import BYTES_MOST
from tests.files import CANARY, archive, pdf, photo, voice
from tests.serving import Served
from tests.web.conftest import post

BYTES = {"Content-Type": "application/octet-stream"}


def upload(client: httpx.Client, content: bytes, kind: str = "photo", name: str | None = None) -> httpx.Response:
    asked = {"id": name or str(uuid4()), "kind": kind}
    return client.post("/chat/api/media", params=asked, content=content, headers=BYTES)


def sent_in(client: httpx.Client) -> list[dict[str, str]]:
    messages = client.get("/chat/api/messages?after=0").json()["messages"]
    return [message["media"] for message in messages if "media" in message]


@pytest.mark.parametrize(("content", "kind"), [(photo(), "photo"), (voice(), "voice"), (pdf(), "document")])
def test_what_is_sent_is_kept_and_given_back_to_its_sender(client: httpx.Client, content: bytes, kind: str) -> None:
    response = upload(client, content, kind)

    assert (response.status_code, response.json()) == (202, {"seq": 1})
    (sent,) = sent_in(client)
    assert sent["kind"] == kind
    given = client.get(f"/chat/api/media/{sent['id']}")
    assert given.status_code == 200
    assert given.headers["content-disposition"] == "attachment"
    assert given.headers["x-content-type-options"] == "nosniff"
    assert (given.content == content) == (kind != "photo")
    assert CANARY not in given.content


def test_the_same_id_again_keeps_nothing_more(client: httpx.Client) -> None:
    name = str(uuid4())
    first = upload(client, photo(), name=name)

    again = upload(client, photo(), name=name)

    assert (again.status_code, again.json()) == (200, first.json())
    assert len(sent_in(client)) == 1


def test_nobody_else_is_given_it_and_nobody_learns_that_it_is_there(client: httpx.Client, served: Served) -> None:
    upload(client, photo())
    (sent,) = sent_in(client)
    path = f"/chat/api/media/{sent['id']}"
    with httpx.Client(base_url=served.address) as other:
        assert other.get(path).status_code == 401
        other.get("/chat")
        post(other, "hello")  # who has a conversation of their own
        foreign, absent = other.get(path), other.get(f"/chat/api/media/{uuid4()}")

    assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, absent.json())


def test_what_is_hidden_is_given_to_nobody(client: httpx.Client) -> None:
    upload(client, photo())
    (sent,) = sent_in(client)

    client.post("/chat/api/messages", json={"id": str(uuid4()), "text": "hide this chat"})

    assert client.get(f"/chat/api/media/{sent['id']}").status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (archive(), "photo", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo", 415),
        (photo(), "voice", 415),
        (b"", "photo", 415),
        (photo()[:40], "photo", 415),
        (photo(), "sticker", 400),
        (photo(), "", 400),
    ],
)
def test_what_is_not_kept_is_refused_with_a_reason(
    client: httpx.Client, content: bytes, kind: str, status: int
) -> None:
    response = upload(client, content, kind)

    assert response.status_code == status
    assert response.json()["error"]
    assert sent_in(client) == []


def test_an_id_that_is_none_is_refused(client: httpx.Client) -> None:
    assert client.post("/chat/api/media", params={"id": "1", "kind": "photo"}, content=photo()).status_code == 400
    assert client.post("/chat/api/media", content=photo()).status_code == 400


@pytest.mark.parametrize("type", ["text/plain", "multipart/form-data; boundary=x", "image/jpeg", ""])
def test_what_another_sites_page_could_send_is_refused(client: httpx.Client, type: str) -> None:
    asked = {"id": str(uuid4()), "kind": "photo"}

    response = client.post("/chat/api/media", params=asked, content=photo(), headers={"Content-Type": type})

    assert response.status_code == 415
    assert sent_in(client) == []


def test_without_a_cookie_nothing_is_read(served: Served) -> None:
    assert httpx.post(f"{served.address}/chat/api/media", content=photo()).status_code == 401


def test_too_much_is_refused_before_it_is_read(client: httpx.Client, served: Served) -> None:
    assert upload(client, bytes(BYTES_MOST + 1)).status_code == 413

    status = asyncio.run(_announce(served, client.cookies["contact"], BYTES_MOST + 1))
    assert status == 413


async def _announce(served: Served, cookie: str, size: int) -> int:
    """The status that is answered when a body is announced, of which nothing is sent."""
    host, port = served.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /chat/api/media?id={uuid4()}&kind=photo HTTP/1.1\r\nHost: {host}\r\nCookie: contact={cookie}\r\n"
    writer.write(f"{head}Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n".encode())
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    return int(line.split()[1])


def test_no_file_on_the_servers_disk_says_where_it_was_taken(client: httpx.Client, served: Served) -> None:
    upload(client, photo())
    folder = Path(f"/proc/{served.process.pid}/cwd").resolve()

    files = [file for file in folder.rglob("*") if file.is_file() and "models" not in file.parts]
    assert any(file.suffix == ".sealed" for file in files)
    assert [file.name for file in files if CANARY in file.read_bytes()] == []
