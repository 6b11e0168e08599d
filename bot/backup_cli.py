"""`returnee-bot backup` and `restore`: copies of data and keys, apart, and the way back."""

import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.environment import load_settings
from bot.errors import StorageError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.storage.backups import Backup

KEYS_KEPT_FOR: Final = timedelta(days=7)
Into = Annotated[Path, typer.Argument(help="Folder in which a folder for this backup is made.")]


def add_to(app: typer.Typer, keys: typer.Typer) -> None:
    """Adds these commands to the command line."""
    app.command()(backup)
    app.command()(restore)
    keys.command("backup")(backup_keys)


def backup(into: Into) -> None:
    """Copy the data, media and lists, while the bot runs. Holds no key: copy those with `keys backup`, elsewhere."""
    from bot.storage import backups

    settings = load_settings()
    beside = (settings.media_dir, settings.erased_list, settings.audit_heads)
    made = backups.make(into, what="data", database_url=settings.database, beside=beside, now=datetime.now(UTC))
    typer.echo(f"{made.folder}: {len(made.files)} files")


def backup_keys(into: Into) -> None:
    """Copy the key store, and delete its copies in that folder that are over 7 days old: what they open is erased."""
    from bot.storage import backups

    settings, now = load_settings(), datetime.now(UTC)
    made = backups.make(into, what="keys", database_url=settings.keys, now=now)
    old = backups.drop_older(into, what="keys", made_before=now - KEYS_KEPT_FOR)
    typer.echo(f"{made.folder}" + "".join(f"\ndeleted: {folder}" for folder in old))


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup of the data.")],
    keys_from: Annotated[
        Path | None, typer.Option("--keys", help="A backup of the keys, where the key store is lost too.")
    ] = None,
    erased: Annotated[
        list[Path] | None, typer.Option("--erased", help="Copies of erased.list from elsewhere; may be repeated.")
    ] = None,
) -> None:
    """Bring a backup back, with the bot stopped: it forgets what was erased since, and sends nothing again."""
    from bot.storage import backups
    from bot.storage.alone import alone

    settings = load_settings()
    data = backups.load(folder, what="data")
    keys = backups.load(keys_from, what="keys") if keys_from else None
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with alone(settings.database, settings.executor_id):
        owners = _erased(settings, [folder / settings.erased_list.name, settings.erased_list, *(erased or ())])
        for address in (settings.database, *([settings.keys] if keys else ())):
            backups.refuse_existing(address)
        settings.restoring.touch(mode=0o600)
        if keys:
            backups.bring_back(keys, settings.keys)
        _bring_back(settings, data, owners)
        settings.restoring.unlink()


def _erased(settings: Settings, lists: list[Path]) -> list[str]:
    """All that any of the lists says was erased, kept in ours from now on."""
    from bot.storage import erased_list

    missing = [str(file) for file in lists[2:] if not file.exists()]
    if missing:
        raise StorageError(f"There is no file {missing[0]}.")
    known = erased_list.read(settings.erased_list)
    owners = list(dict.fromkeys(owner for file in lists for owner in erased_list.read(file)))
    if new := [owner for owner in owners if owner not in set(known)]:
        erased_list.add(settings.erased_list, new, datetime.now(UTC))
    return owners


def _bring_back(settings: Settings, data: "Backup", owners: list[str]) -> None:
    from bot.storage import backups, dialects
    from bot.storage.migrate import upgrade
    from bot.storage.restoring import make_safe
    from bot.storage.vault import carry, open_vault

    backups.bring_back(data, settings.database)
    for name in (settings.media_dir, settings.audit_heads):
        source = data.folder / name.name
        if source.exists() and not name.exists():
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, name)
    with closing(open_vault(settings)) as vault:
        upgrade(settings.database, vault)
        engine = carry(dialects.create_engine(dialects.parse_database_url(settings.database), connections=1), vault)
        try:
            with engine.begin() as tx:
                made = make_safe(tx, vault.keys, owners, datetime.now(UTC))
            dialects.forget_deleted(engine)
        finally:
            engine.dispose()
    typer.echo(f"Brought back what was kept at {data.made_at:%Y-%m-%d %H:%M} UTC.")
    typer.echo(f"Erased again: {made.erased}. Without a key, and so dropped: {made.unreadable}.")
    typer.echo(f"Not sent or handled again: {made.quarantined}. See: returnee-bot quarantine")
