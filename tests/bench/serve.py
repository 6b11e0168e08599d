"""`returnee-bot serve` as a process: start, memory, and the wait that a person in a browser sees."""

import json
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
from playwright.sync_api import Page, sync_playwright

from bot.settings import REPOSITORY, Paths
from tests.bench.row import Row, percentile
from tests.browser import CHROMIUM_ARGS, find_chromium
from tests.serving import Served, serving

STARTS = 3
SENDS = 60


def measure_serve() -> list[Row]:
    """Start to first answer, memory under a talk, and send to rendered answer in headless Chromium."""
    texts = _texts()
    with tempfile.TemporaryDirectory() as folder:
        models = REPOSITORY / "data" / "models"
        firsts = [_start_to_answer(Path(folder) / str(start), models, texts[0]) for start in range(STARTS)]
        with serving(Path(folder) / "talk", models=models) as served:
            waits = _browser_waits(served, texts)
            process = psutil.Process(served.process.pid)
            rss = process.memory_info().rss + sum(child.memory_info().rss for child in process.children(recursive=True))
    return [
        Row(
            figure=f"start of a trained install to the first answer, median of {STARTS}",
            measured=f"{sorted(firsts)[STARTS // 2]:.2f} s",
            goal="≤ 4 s",
        ),
        Row(figure=f"memory (RSS) of serve after {SENDS} messages", measured=f"{rss / 2**20:.0f} MB", goal="≤ 250 MB"),
        Row(
            figure=f"/chat: send to rendered answer in headless Chromium, p50 / p95 of {SENDS}",
            measured=f"{percentile(waits, 0.5) * 1000:.0f} / {percentile(waits, 0.95) * 1000:.0f} ms",
            goal="p95 ≤ 300 ms",
        ),
    ]


def _texts() -> list[str]:
    lines = (Paths(root=REPOSITORY).nlu / "evaluation" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [text for text in (json.loads(line)["text"] for line in lines) if text.strip()]


def _start_to_answer(folder: Path, models: Path, text: str) -> float:
    with serving(folder, models=models) as served, httpx.Client(base_url=served.address) as client:
        client.get("/chat")
        client.post("/chat/api/messages", json={"id": str(uuid4()), "text": text})
        while True:
            found = client.get("/chat/api/messages").json()["messages"]
            if any(message["author"] == "bot" for message in found):
                return time.perf_counter() - served.started_at


def _browser_waits(served: Served, texts: list[str]) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{served.address}/chat")
        waits = [_wait_of(page, texts[i % len(texts)]) for i in range(SENDS)]
        browser.close()
    return waits


def _wait_of(page: Page, text: str) -> float:
    """Seconds from the press of Enter until a new answer of the bot stands on the page, by the page's own clock."""
    page.fill("#text", text)
    milliseconds: float = page.evaluate(
        """() => new Promise((done) => {
            const count = () => document.querySelectorAll(".message.bot").length;
            const before = count();
            const began = performance.now();
            new MutationObserver((_, watch) => {
                if (count() > before) {
                    watch.disconnect();
                    requestAnimationFrame(() => done(performance.now() - began));
                }
            }).observe(document.getElementById("messages"), { childList: true });
            document.getElementById("compose").requestSubmit();
        })"""
    )
    page.wait_for_timeout(700)  # an answer's second message, and the rate of a person; not part of what is measured
    return milliseconds / 1000
