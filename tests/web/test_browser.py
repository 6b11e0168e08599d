"""The web chat as a person meets it: headless Chromium at the width of a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bot.settings import REPOSITORY
from tests.browser import CHROMIUM_ARGS, find_chromium
from tests.conftest import skip_or_fail
from tests.files import CANARY, photo
from tests.serving import Served, free_port, serving

pytestmark = pytest.mark.browser

TALK: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests" / "data" / "web" / "talk.yml").read_text(encoding="utf-8"))


def words(name: str, key: str, language: str = "km") -> str:
    """What the page or the bot says under a key, as written in content/."""
    file = REPOSITORY / "content" / language / f"{name}.yml"
    said: str = yaml.safe_load(file.read_text(encoding="utf-8"))[key]
    return said


def title_of(answer: str) -> str:
    """The Khmer title of an answer."""
    (body,) = (REPOSITORY / "content" / "km").glob(f"*/{answer}.md")
    return body.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def first_line_of(answer: str) -> str:
    """The first line of an answer's first bubble in Khmer, up to a placeholder."""
    (body,) = (REPOSITORY / "content" / "km").glob(f"*/{answer}.md")
    return body.read_text(encoding="utf-8").splitlines()[2].partition("{")[0].strip()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = find_chromium()
    if not path:
        skip_or_fail("chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone's screen; an error of the page's own fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def say(page: Page, text: str) -> None:
    """Types a message and sends it."""
    page.fill("#text", text)
    page.press("#text", "Enter")


def last_bubble(page: Page) -> Any:
    """The newest message of the bot."""
    return page.locator(".message.bot .bubble").last


@pytest.mark.parametrize("asked", [*TALK["misspelt"], *TALK["romanised"]], ids=lambda asked: asked["answer"])
def test_a_question_as_people_type_it_gets_its_answer(page: Page, served: Served, asked: dict[str, str]) -> None:
    page.goto(f"{served.address}/chat")

    say(page, asked["text"])

    expect(page.locator(".message.bot .bubble").first).to_contain_text(first_line_of(asked["answer"]))


def test_words_of_danger_are_answered_at_once_with_numbers_to_tap(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")

    say(page, TALK["crisis"])

    expect(last_bubble(page).locator("a").first).to_have_attribute("href", "tel:1280")
    expect(page.get_by_role("button", name=words("bot", "not_meant_button"))).to_be_visible()


def test_the_menu_a_vote_and_a_person_are_one_tap_each(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    say(page, TALK["menu"])

    page.get_by_role("button", name=words("bot", "menu_unpaid_wages")).click()
    page.get_by_role("button", name=words("bot", "helped_button")).click()
    expect(last_bubble(page)).to_have_text(words("bot", "vote_thanks"))
    page.get_by_role("button", name=words("bot", "control_talk_to_human")).first.click()

    expect(last_bubble(page)).to_contain_text("1297")


def test_a_photo_is_sent_kept_and_given_back_without_its_place(page: Page, served: Served, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(photo(size=(800, 600)))
    page.goto(f"{served.address}/chat")

    page.set_input_files("#photo-file", str(file))

    expect(last_bubble(page)).to_have_text(words("bot", "attachment_photo"))
    expect(page.locator(".message.contact .note")).to_have_count(0)
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name=words("web", "media_photo")).click()
    assert CANARY not in Path(download.value.path()).read_bytes()


def test_a_file_that_is_not_kept_is_said_kindly_and_not_sent_again(page: Page, served: Served, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"<html>")
    page.goto(f"{served.address}/chat")

    page.set_input_files("#photo-file", str(file))

    expect(page.locator(".message.contact .note")).to_have_text(words("web", "media_refused"))


def test_a_voice_message_is_recorded_and_sent(browser: Browser, served: Served) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["microphone"])
    page = context.new_page()
    page.goto(f"{served.address}/chat")

    page.get_by_role("button", name=words("web", "send_voice")).click()
    expect(page.locator("#status")).to_have_text(words("web", "recording"))
    page.wait_for_timeout(500)  # a recording takes time
    page.get_by_role("button", name=words("web", "send_voice")).click()

    expect(last_bubble(page)).to_contain_text(words("bot", "attachment_voice")[:20])
    context.close()


def test_nothing_is_lost_when_the_page_is_loaded_again(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    say(page, "menu")
    expect(last_bubble(page)).to_be_visible()
    before = page.locator(".bubble").all_inner_texts()

    page.reload()

    expect(page.locator(".bubble")).to_have_count(len(before))
    assert page.locator(".bubble").all_inner_texts() == before


def test_what_is_written_while_the_server_is_down_is_sent_when_it_is_back(
    page: Page, models: Path, tmp_path: Path
) -> None:
    port = free_port()
    with serving(tmp_path, models=models, port=port) as served:
        page.goto(f"{served.address}/chat")
        say(page, "menu")
        expect(last_bubble(page)).to_be_visible()
        served.kill()
        say(page, "find work")
        expect(page.locator(".failed .note")).to_contain_text(words("web", "not_sent", "en"))

    with serving(tmp_path, models=models, port=port):
        expect(page.locator(".message.bot")).to_have_count(3, timeout=30_000)

    expect(page.locator(".failed")).to_have_count(0)
    expect(page.locator(".message.contact")).to_have_count(2)


def test_close_and_hide_leaves_nothing_on_the_phone(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    say(page, TALK["crisis"])
    expect(last_bubble(page)).to_be_visible()

    page.get_by_role("button", name=words("web", "close_and_hide")).click()

    expect(page.get_by_text(words("web", "page_closed"))).to_be_visible()
    page.go_back()
    page.goto(f"{served.address}/chat")
    expect(page.locator("#text")).to_be_visible()
    expect(page.locator(".bubble")).to_have_count(0)


def test_the_page_speaks_the_language_of_the_talk(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    assert page.locator("html").get_attribute("lang") == "km"

    say(page, "my boss in thailand did not pay my salary")

    expect(page.locator("#send")).to_have_text(words("web", "send", "en"))
    page.reload()
    assert page.locator("html").get_attribute("lang") == "en"


def test_nothing_overflows_a_small_phone(page: Page, served: Served) -> None:
    page.set_viewport_size({"width": 320, "height": 568})
    page.goto(f"{served.address}/chat")
    say(page, TALK["misspelt"][0]["text"])
    expect(last_bubble(page)).to_be_visible()
    say(page, "w" * 400)
    expect(page.locator(".message.contact")).to_have_count(2)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    edges = "all => all.map((one) => one.getBoundingClientRect().right)"
    assert max(page.locator(".bubble, .buttons button").evaluate_all(edges)) <= 320


def test_khmer_has_its_own_font_and_room_to_breathe(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    say(page, TALK["menu"])
    expect(last_bubble(page)).to_be_visible()

    check = "document.fonts.ready.then(() => document.fonts.check('17px \"Noto Sans Khmer\"', '\u1780'))"
    loaded = page.evaluate(check)
    style = last_bubble(page).evaluate("e => [getComputedStyle(e).fontSize, getComputedStyle(e).lineHeight]")
    size, height = (float(value.removesuffix("px")) for value in style)
    assert loaded
    assert size >= 16
    assert height / size >= 1.6


def test_no_english_is_left_on_the_khmer_page(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")
    say(page, TALK["misspelt"][0]["text"])
    expect(last_bubble(page)).to_be_visible()

    shown = page.locator("body").inner_text().replace(words("bot", "language_en"), "")
    assert not [character for character in shown if character.isascii() and character.isalpha()]


def test_what_a_contact_writes_is_never_markup(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/chat")

    say(page, "<img src=x onerror=alert(1)><b>bold</b>")

    expect(page.locator(".message.contact .bubble")).to_have_text("<img src=x onerror=alert(1)><b>bold</b>")
    expect(page.locator(".bubble img, .bubble b")).to_have_count(0)
