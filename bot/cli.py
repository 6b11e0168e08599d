"""The command line: what operators, editors and engineers type. Errors go to standard error, never as a traceback."""

import asyncio
import getpass
import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from bot import backup_cli, custody_cli, nlu_cli
from bot.environment import load_settings, look_at_settings
from bot.errors import ReturneeBotError
from bot.keys_cli import keys
from bot.logs import open_log, write_logs
from bot.model import LookUpKind
from bot.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Commands import what they need when they run: `cases` must not wait for the understanding, nor `parse` for the web.

app = typer.Typer(
    help="Answers returnees in Khmer, and hands them to people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database.", no_args_is_help=True)

_out = Console()
_err = Console(stderr=True)
_ROWS_SHOWN = 500

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def main() -> None:
    """Runs the command: exit 0 good, 1 problems found in what was checked, 2 wrong use."""
    write_logs(level="warning", as_json=False)
    try:
        app()
    except ReturneeBotError as error:
        _complain(str(error))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the top of the program: what Python prints would show the words
        open_log(__name__).critical("crashed", error=error)
        sys.exit(1)


@app.command()
def serve() -> None:
    """Serve the web chat until Ctrl-C."""
    from bot.serving import serve as serve_web

    settings = load_settings()
    write_logs(level=settings.log_level, as_json=settings.logs_json(on_terminal=sys.stderr.isatty()))
    _say(f"Starting in {settings.mode} mode …")
    serve_web(settings, say=_say)


@app.command()
def chat() -> None:
    """Talk to the bot in this terminal until Ctrl-D."""
    asyncio.run(_talk(load_settings()))


@app.command()
def check(
    as_json: AsJson = False,
    launch: Annotated[
        bool, typer.Option("--launch", help="Also say what must exist before the bot goes to returnees.")
    ] = False,
) -> None:
    """Say everything that is wrong in content, menu and examples, or “All good”."""
    from bot.checks.everything import check_everything
    from bot.checks.launch import check_launch

    settings, wrong = look_at_settings() if launch else (load_settings(), [])
    today = datetime.now(UTC).date()
    findings = check_everything(settings.paths, today=today)
    if launch:
        findings += check_launch(settings.paths, wrong, crisis_phone=settings.crisis_phone, today=today)
    if as_json:
        _print_json([finding.to_json() for finding in findings])
    for finding in findings if not as_json else ():
        _say(str(finding))
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    if not as_json:
        _say("All good")


@app.command()
def cases(
    by: Annotated[
        LookUpKind | None, typer.Option(help="Ask for a phone or name, and list only cases of who has it, also closed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the cases that are not resolved, urgent ones first; names no content."""
    from bot.cases import look_ups
    from bot.storage import cases as storage
    from bot.storage import erasures, outbound, updates

    words = typer.prompt(by.capitalize(), err=True) if by else ""  # not an option: the shell would remember it
    if by and not look_ups.keys_of(by, words):
        raise typer.BadParameter(f"that is no {by}.", param_hint=by)
    rows, missed, quarantined, aside = _read(
        lambda tx: (
            look_ups.find_cases(tx, by, words) if by else storage.list_open(tx, limit=_ROWS_SHOWN),
            outbound.count_undelivered(tx),
            updates.count_quarantined(tx),
            {row.owner: row.due_at for row in erasures.waiting(tx)},
        ),
        action=f"cases_found_by_{by}" if by else "cases_read",
    )
    locked = {row.id: aside.get(row.id) or aside.get(row.conversation_id) for row in rows}
    if as_json:
        names = ("number", "type", "lane", "status", "urgent")
        _print_json(
            [
                {n: getattr(r, n) for n in names}
                | {"opened_at": r.created_at.isoformat(), "undelivered": missed.get(r.conversation_id, 0)}
                | ({"erased_at": at.isoformat()} if (at := locked[r.id]) else {})
                for r in rows
            ]
        )
        return
    table = Table("number", "urgent", "lane", "type", "status", "opened (UTC)", "not delivered")
    for row in rows:
        urgent = "yes" if row.urgent else ""
        opened, not_sent = f"{row.created_at:%Y-%m-%d %H:%M}", str(missed.get(row.conversation_id, ""))
        until = locked[row.id]
        status = f"locked, erased {until:%Y-%m-%d %H:%M}" if until else row.status
        table.add_row(str(row.number), urgent, row.lane, row.type, status, opened, not_sent)
    _out.print(table if rows else f"No cases with this {by}." if by else "No open cases.")
    if missed or quarantined:
        _say(
            f"{sum(missed.values())} messages not delivered, {quarantined} updates not handled: returnee-bot quarantine"
        )


@app.command()
def quarantine(as_json: AsJson = False) -> None:
    """List what went wrong for good: updates that could not be handled, messages that were not delivered."""
    from bot.storage import outbound, updates

    aside, missed = _read(
        lambda tx: (
            updates.list_open(tx, "quarantined", received_until=datetime.now(UTC), limit=_ROWS_SHOWN),
            outbound.list_undelivered(tx, _ROWS_SHOWN),
        ),
        action="quarantine_read",
    )
    rows = [
        {"what": "update", "id": str(u.id), "channel": u.channel, "status": u.status, "error": u.error or ""}
        | {"tries": u.tries, "at": u.received_at.isoformat()}
        for u in aside
    ] + [
        {"what": "message", "id": str(m.message_id), "channel": m.channel, "status": m.status, "error": m.error or ""}
        | {"tries": m.attempts, "at": m.updated_at.isoformat()}
        for m in missed
    ]
    if as_json:
        _print_json(rows)
        return
    table = Table("what", "id", "channel", "status", "error", "tries", "at (UTC)")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    _out.print(table if rows else "Nothing is quarantined, and every message was delivered.")


def _read(query: Callable[["Connection"], T], *, action: str) -> T:
    """What the query gives; that it was read stands in the audit."""
    from bot.storage import audit
    from bot.storage.engine import open_storage
    from bot.storage.vault import open_vault

    def read(tx: "Connection") -> T:
        found = query(tx)
        audit.append(tx, actor=getpass.getuser(), action=action, object="cases", now=datetime.now(UTC))
        return found

    settings = load_settings()
    with closing(open_vault(settings)) as vault, closing(open_storage(settings.database, vault)) as opened:
        return asyncio.run(opened.run(read))


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema of this version; makes it if it is not there."""
    from bot.storage.migrate import upgrade
    from bot.storage.vault import open_vault

    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(open_vault(settings)) as vault:
        upgrade(settings.database, vault)
    _say("The database is up to date.")


async def _talk(settings: Settings) -> None:
    from bot.app import open_application
    from bot.channels.terminal import BOT, TerminalChannel
    from bot.model import Inbound, Text

    application = open_application(settings, TerminalChannel(console=_out))
    contact_ref = uuid4().hex
    try:
        while True:
            line = await asyncio.to_thread(_read_line)
            if line is None:
                return
            message = Inbound(
                channel="terminal",
                bot=BOT,
                external_id=uuid4().hex,
                contact_ref=contact_ref,
                payload=Text(text=line),
            )
            handled = await application.conversations.handle(message)
            await application.deliverer.drain(handled.conversation_id)
    finally:
        await application.aclose()


def _read_line() -> str | None:
    try:
        return input("> ")
    except EOFError:
        return None


def _say(line: str) -> None:
    _out.print(line, markup=False, highlight=False, soft_wrap=True)


def _complain(line: str) -> None:
    _err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


# Below, so that the help begins with what an operator types first.
app.add_typer(db, name="db")
app.add_typer(keys, name="keys")
nlu_cli.add_to(app)
custody_cli.add_to(app)
backup_cli.add_to(app, keys)
