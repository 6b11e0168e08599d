"""Both hosts of the understanding are one: the same examples, the same arrays, the same answers."""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bot.metrics import RasaFailure
from bot.nlu.embedded import EmbeddedEngine, load_model, load_rasa_model
from bot.nlu.examples import load_examples
from bot.nlu.rasa import RasaEngine, open_client
from bot.nlu.training import ensure_model
from bot.settings import REPOSITORY, Paths
from bot.topics import load_topics
from khmer_nlu import Parsed, day_of, parse
from tests.nlu.conftest import Rasa
from tests.serving import free_port

pytestmark = pytest.mark.rasa

TOLERANCE = 1e-6
SENTENCES = 1000
ODD = 200
PATHS = Paths(root=REPOSITORY)
TODAY = day_of(datetime.now(UTC))
SECRET = "/{secretword"  # Rasa logs what begins with a slash and is no intent
TYPED = ["/greet", " /greet", "/unpaid_wages", '/unpaid_wages@1.0{"money": "5"}', "/restart", "/no_such_intent"]


@pytest.fixture(scope="module")
def embedded(archive: Path) -> EmbeddedEngine:
    """The bot's engine over what is inside Rasa's archive."""
    return EmbeddedEngine(model=load_rasa_model(archive))


def labelled_texts() -> list[str]:
    """The sentences of the test sets and of the examples, in an order of no meaning."""
    texts = [example.text for example in load_examples(PATHS.nlu / "data", load_topics(PATHS.topics))]
    for file in sorted((PATHS.nlu / "evaluation").glob("*.jsonl")):
        texts += [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]
    random.Random(3).shuffle(texts)
    return texts


def odd_texts() -> list[str]:
    """What no one writes, and what someone will send."""
    odd: list[str] = json.loads((REPOSITORY / "tests/data/nlu/odd.json").read_text(encoding="utf-8"))
    for text in labelled_texts()[:10]:
        odd += ["/" + text, "\u200b".join(text), " ".join(text), f"<b>{text}</b>", f"{text}\0{text}", text.upper()]
        odd += [text[::-1], (text * 4000)[:4000], (text + " 😀 ") * 50, text[:1] * 4000]
    return odd


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What Rasa answered to each text, and all that it printed besides."""

    answers: dict[str, dict[str, Any]]
    printed: str


@pytest.fixture(scope="module")
def predicted(rasa: Rasa, archive: Path) -> Predicted:
    """Rasa's answers in a process of its own; loading it is the slow part, so all texts go in at once."""
    texts = list(dict.fromkeys([*labelled_texts()[:SENTENCES], *odd_texts(), *TYPED, SECRET]))
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = rasa.run("python", "-m", "khmer_rasa.predict", str(archive), stdin=lines)
    assert done.returncode == 0, done.stderr
    written = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    answers = [line["answer"] for line in written if "answer" in line]
    others = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    return Predicted(answers=dict(zip(texts, answers, strict=True)), printed="\n".join([*others, done.stderr]))


def differences(parsed: Parsed, theirs: dict[str, Any]) -> list[str]:
    """In what Rasa's answer differs from the bot's own; Rasa takes off the space around a text."""
    ours, theirs = parsed.to_json() | {"text": parsed.text.strip()}, dict(theirs)
    close = np.allclose([p for _, p in ours["ranking"]], [p for _, p in theirs["ranking"]], rtol=0, atol=TOLERANCE)
    different = [] if close else ["ranking"]
    for numbers in ("confidence", "ranking"):
        ours[numbers], theirs[numbers] = np.ravel(ours[numbers]).size, np.ravel(theirs[numbers]).size
    return different + [key for key in ours if ours[key] != theirs[key]]


def test_rasa_reads_the_examples_that_the_bot_reads(rasa: Rasa) -> None:
    code = (
        "import json; from rasa.shared.nlu.training_data.loading import load_data\n"
        f"data = load_data({str(PATHS.nlu / 'data')!r})\n"
        "print(json.dumps([[m.get('text').strip(), m.get('intent')] for m in data.intent_examples]))"
    )
    theirs = {tuple(pair) for pair in json.loads(rasa.run("python", "-c", code).stdout)}

    ours = {(e.text, e.intent) for e in load_examples(PATHS.nlu / "data", load_topics(PATHS.topics))}
    assert theirs == ours


def test_both_hosts_train_equal_arrays(rasa: Rasa, archive: Path) -> None:
    ours = load_model(ensure_model(Paths(root=rasa.folder), rasa.folder / "own"))

    (our_arrays, our_description), (arrays, description) = ours.to_arrays(), load_rasa_model(archive).to_arrays()
    assert our_arrays.keys() == arrays.keys()
    for name, array in our_arrays.items():
        np.testing.assert_allclose(arrays[name], array, rtol=0, atol=TOLERANCE, err_msg=name)
    assert description.pop("temperature") == pytest.approx(our_description.pop("temperature"), abs=TOLERANCE)
    assert description == our_description


@pytest.mark.parametrize(
    ("texts", "at_least"), [(labelled_texts()[:SENTENCES], SENTENCES), (odd_texts(), ODD)], ids=["labelled", "odd"]
)
def test_both_hosts_understand_the_same(
    predicted: Predicted, embedded: EmbeddedEngine, texts: list[str], at_least: int
) -> None:
    assert len(texts) >= at_least
    for text in texts:
        parsed, answer = parse(embedded.model, text, today=TODAY), predicted.answers[text]
        assert not differences(parsed, answer["parsed"]), text[:80]
        assert answer["intent"] == {"name": parsed.intent, "confidence": pytest.approx(parsed.confidence)}
        assert answer["entities"] == [
            one | {"extractor": "KhmerEntityExtractor"} for one in answer["parsed"]["entities"]
        ]


@pytest.mark.parametrize("typed", TYPED)
def test_an_intent_typed_with_a_slash_is_not_obeyed(predicted: Predicted, typed: str) -> None:
    answer = predicted.answers[typed]

    assert answer["intent"]["name"] == answer["parsed"]["intent"]
    assert answer["intent"]["confidence"] < 1


def test_what_was_said_is_not_printed(predicted: Predicted) -> None:
    assert predicted.answers[SECRET]["parsed"]["text"] == SECRET
    assert "secretword" not in predicted.printed


def test_a_missing_archive_is_an_error_and_not_another_model(rasa: Rasa, archive: Path) -> None:
    done = rasa.run("python", "-m", "khmer_rasa.predict", str(archive.with_name("missing.tar.gz")), stdin='"x"\n')

    assert done.returncode == 1
    assert "missing.tar.gz" in done.stderr


def test_rasa_never_calls_home(rasa: Rasa) -> None:
    code = "from rasa import telemetry; print(telemetry.is_telemetry_enabled())"

    assert rasa.run("python", "-c", code).stdout.split() == ["False"]


def test_rasas_own_commands_run_on_the_same_files(rasa: Rasa, archive: Path) -> None:
    validated = rasa.run(
        *("rasa", "data", "validate", "--domain", "nlu/rasa_host/domain.yml", "--data", "nlu/data"), cwd=REPOSITORY
    )
    tested = rasa.run("rasa", "test", "nlu", "--nlu", "nlu/data", "--model", str(archive), "--no-plot")
    paths = Paths(root=rasa.folder)
    some = load_examples(paths.nlu / "data", load_topics(paths.topics))
    learnt = next(example.text for example in some if example.intent == "unpaid_wages")
    talked = rasa.run("rasa", "shell", "nlu", "--model", str(archive), stdin=f"{learnt}\n/stop\n")

    assert [validated.returncode, tested.returncode, talked.returncode] == [0, 0, 0]
    report = json.loads((rasa.folder / "results" / "intent_report.json").read_text(encoding="utf-8"))
    assert report["unpaid_wages"]["recall"] > 0.8
    assert report["out_of_scope"]["recall"] > 0.5
    assert '"name": "unpaid_wages"' in talked.stdout


@contextmanager
def rasa_serving(rasa: Rasa, archive: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`make rasa-serve` with this model, until the context ends; what it prints goes to rasa.log."""
    command = ["make", "rasa-serve", f"RASA_MODEL={archive}", f"RASA_PORT={port}"]
    with (rasa.folder / "rasa.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=rasa.variables, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/status", timeout=2)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process
    finally:
        subprocess.run(["kill", "--", f"-{process.pid}"], check=False)
        process.wait(timeout=20)


def rounded(parsed: Parsed) -> Parsed:
    """Without the last bits, which depend on how many threads a sum is made by."""
    ranking = tuple((intent, round(confidence, 9)) for intent, confidence in parsed.ranking)
    return replace(parsed, confidence=round(parsed.confidence, 9), ranking=ranking)


def test_the_bot_asks_rasas_server_and_goes_on_when_it_is_gone(
    rasa: Rasa, archive: Path, embedded: EmbeddedEngine
) -> None:
    port = free_port()
    texts = [*labelled_texts()[:30], "/greet secretword", "", "\0"]

    async def talk() -> None:
        failures: list[RasaFailure] = []
        client = open_client(f"http://127.0.0.1:{port}")
        engine = RasaEngine(client=client, inside=embedded, now=time.monotonic, failed=failures.append)
        with rasa_serving(rasa, archive, port):
            for text in texts:
                assert rounded(await engine.parse(text, today=TODAY)) == rounded(
                    parse(embedded.model, text, today=TODAY)
                )
            assert not failures
        assert await engine.parse("hello", today=TODAY) == parse(embedded.model, "hello", today=TODAY)
        assert failures == ["unreachable"]
        await engine.aclose()

    asyncio.run(talk())

    printed = (rasa.folder / "rasa.log").read_text(encoding="utf-8")
    assert "secretword" not in printed
    assert not any(text in printed for text in texts[:30])
