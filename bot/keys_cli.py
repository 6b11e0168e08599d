"""`returnee-bot keys`: what an operator does with the master keys; a module of its own, since cli.py is long enough."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.environment import load_settings
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.storage.keys import KeyStore

keys = typer.Typer(help="The keys that what people write is sealed with.", no_args_is_help=True)


@contextmanager
def _opened() -> "Iterator[tuple[KeyStore, Path]]":
    from bot.storage.keys import open_keys

    settings = load_settings()
    with closing(open_keys(settings.keys, settings.master_keys)) as store:
        yield store, settings.master_keys


@keys.command()
def status() -> None:
    """Say how many keys each version of the master key wraps."""
    from bot.storage import masterkeys

    with _opened() as (store, file):
        wraps, newest = store.count_by_master(), masterkeys.load_master_keys(file).newest
        for version in sorted({newest, *wraps}):
            note = " (new keys are wrapped by it)" if version == newest else ""
            typer.echo(f"version {version}: {wraps.get(version, 0)} keys{note}")


@keys.command()
def rotate() -> None:
    """Make a new master key and wrap every key by it. Nothing is sealed anew; the bot may run; a kill does no harm."""
    from bot.storage import masterkeys

    with _opened() as (store, file):
        newest = masterkeys.load_master_keys(file).newest
        if newest in store.count_by_master():  # else a rotation that was killed goes on
            newest = masterkeys.add_master_key(file)
        done = 0
        while some := store.rewrap_some():
            done += some
    typer.echo(f"{done} keys are wrapped by version {newest} now. Copy {file} to where its copies are kept.")
    typer.echo("When that is done: returnee-bot keys drop-old")


@keys.command()
def drop_old() -> None:
    """Take old versions out of the file of master keys, once no key is wrapped by them."""
    from bot.storage import masterkeys

    with _opened() as (store, file):
        newest, wraps = masterkeys.load_master_keys(file).newest, store.count_by_master()
        if set(wraps) - {newest}:
            raise SettingsError(["Older versions still wrap keys. First: returnee-bot keys rotate"])
        masterkeys.drop_master_keys(file, keep=newest)
    typer.echo(f"{file} holds version {newest} alone.")
