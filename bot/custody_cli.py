"""What an operator does with records: purge, hold, export, audit. Each deed stands in the audit with a name."""

import asyncio
import getpass
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.environment import load_settings
from bot.errors import CustodyError
from bot.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.storage.engine import Storage
    from bot.storage.vault import Vault

T = TypeVar("T")


def _name(by: str) -> str:
    if not by.strip():
        raise typer.BadParameter("it needs a name.")
    return by.strip()


By = Annotated[str, typer.Option("--by", callback=_name, help="Who asks for it: the name stands in the audit.")]
Number = Annotated[int, typer.Argument(help="The number of the case.")]

hold = typer.Typer(help="Cases that are not erased: two people place a legal hold, two lift it.", no_args_is_help=True)
audit = typer.Typer(help="Who did what to which record.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    app.command()(purge)
    app.command()(export)
    app.add_typer(hold, name="hold")
    app.add_typer(audit, name="audit")


@contextmanager
def _opened() -> "Iterator[tuple[Settings, Storage, Vault]]":
    from bot.storage.engine import open_storage
    from bot.storage.vault import open_vault

    settings = load_settings()
    with closing(open_vault(settings)) as vault, closing(open_storage(settings.database, vault)) as storage:
        yield settings, storage, vault


def _do(change: "Callable[[Connection], T]") -> T:
    with _opened() as (_, storage, _vault):
        return asyncio.run(storage.run(change))


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    clock_is_right: Annotated[
        bool, typer.Option("--clock-is-right", help="You looked at the clock, and it is right.")
    ] = False,
) -> None:
    """Erase what is kept too long by the rules of docs/operator/retention.md; `serve` does it every hour."""
    from bot.storage.media import MediaFiles
    from bot.work.erase import Eraser
    from bot.work.retention import Retention

    async def nothing() -> int:
        return 0

    async def run(retention: Retention, eraser: Eraser) -> Counter[str]:
        if dry_run:
            return Counter(due.rule for due in await retention.due())
        if not clock_is_right and (problem := await retention.clock_problem()):
            raise CustodyError(f"{problem}. If the clock is right: returnee-bot purge --clock-is-right")
        gone = await retention.purge_records(clock_is_right=clock_is_right)
        await eraser.erase_due()
        return gone

    with _opened() as (settings, storage, vault):
        files = MediaFiles(folder=settings.media_dir, vault=vault)
        eraser = Eraser(storage=storage, keys=vault.keys, files=files, erased=settings.erased_list, now=_now)
        retention = Retention(storage=storage, keys=vault.keys, purge_rows=nothing, erase_due=eraser, now=_now)
        gone = asyncio.run(run(retention, eraser))
    for rule, number in sorted(gone.items()):
        typer.echo(f"{rule}: {number} {'would go' if dry_run else 'gone'}")
    if not gone:
        typer.echo("Nothing is kept too long.")


def export(
    number: Number,
    by: By,
    to: Annotated[Path, typer.Option("--to", help="A new file; who holds it can read everything.")],
) -> None:
    """Write all that is kept of the contact of a case into a file, for the contact who asked for it."""
    from bot.cases.export import export_of

    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CustodyError(f"{to}: {error.strerror}. Name a file that does not exist yet.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        try:
            read = partial(export_of, case_number=number)
            found = _audited(read, number, by, asked="export", done=lambda _: "exported")
        except BaseException:
            to.unlink()
            raise
        json.dump(found, file, ensure_ascii=False, indent=2)
    typer.echo(f"{to}: {len(found['messages'])} messages, {len(found['cases'])} cases")


@hold.command()
def place(number: Number, by: By, reason: Annotated[str, typer.Option("--reason", help="Why; kept sealed.")]) -> None:
    """Ask for a hold, or confirm what somebody else asked for."""
    from bot.storage import legal_holds

    change = partial(legal_holds.place, number=number, by=by, reason=reason, now=_now())
    outcome = _audited(change, number, by, asked="hold", done=lambda outcome: f"hold_{outcome}")
    said = {
        "asked": "is held for a week. A second person must confirm it with the same command.",
        "placed": "is held until two people lift it.",
    }
    typer.echo(f"Case {number} {said[outcome]}")


@hold.command()
def lift(number: Number, by: By) -> None:
    """Ask to lift a hold, or agree to what somebody else asked for."""
    from bot.storage import legal_holds

    change = partial(legal_holds.lift, number=number, by=by)
    outcome = _audited(change, number, by, asked="lift", done=lambda outcome: f"hold_{outcome}")
    said = {"lift_asked": "is still held. A second person must agree with the same command.", "lifted": "is free."}
    typer.echo(f"Case {number} {said[outcome]}")


def _audited(change: "Callable[[Connection], T]", number: int, by: str, *, asked: str, done: Callable[[T], str]) -> T:
    """What the change gives; that it was done, or asked for and refused, stands in the audit."""
    from bot.storage import audit as deeds

    def run(tx: "Connection") -> T:
        outcome = change(tx)
        deeds.append(tx, actor=by, action=done(outcome), object=f"case {number}", now=_now())
        return outcome

    try:
        return _do(run)
    except CustodyError:
        refused = partial(deeds.append, actor=by, action="refused", object=f"case {number}", now=_now())
        _do(partial(refused, details={"asked": asked}))
        raise


@hold.command("list")
def list_holds() -> None:
    """List the cases that are held, and why."""
    from bot.storage import audit as deeds
    from bot.storage import legal_holds

    def read(tx: "Connection") -> list[legal_holds.LegalHoldRow]:
        deeds.append(tx, actor=getpass.getuser(), action="holds_read", object="cases", now=_now())
        return legal_holds.list_all(tx)

    rows = _do(read)
    for row in rows:
        second = f"and {row.confirmed_by}" if row.confirmed_by else "(not confirmed yet)"
        lifting = f"; {row.lift_asked_by} asks to lift it" if row.lift_asked_by else ""
        typer.echo(f"{row.number}  {row.placed_at:%Y-%m-%d}  {row.placed_by} {second}{lifting}  {row.reason}")
    if not rows:
        typer.echo("No case is held.")


@audit.command("show")
def show_audit(last: Annotated[int, typer.Option("--last", min=1, help="How many deeds.")] = 50) -> None:
    """Print the newest deeds, one JSON object a line."""
    from bot.storage import audit as deeds

    for row in _do(partial(deeds.newest, limit=last)):
        plain = vars(row) | {"at": row.at.isoformat(timespec="seconds")}
        typer.echo(json.dumps(plain, ensure_ascii=False))


@audit.command("verify")
def verify_audit() -> None:
    """Say whether a deed was changed, left out or cut off, by the chain and by the heads kept outside."""
    from bot.storage import audit as deeds
    from bot.work.auditing import read_heads

    with _opened() as (settings, storage, _):
        heads = read_heads(settings.audit_heads)
        problems, number = asyncio.run(storage.read(lambda tx: (deeds.broken(tx, heads), deeds.head(tx).seq)))
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"All {number} deeds are as they were written; {len(heads)} heads kept outside agree.")


def _now() -> datetime:
    return datetime.now(UTC)
