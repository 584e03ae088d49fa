"""socli store: path, check, backup"""

from pathlib import Path
from typing import Annotated

import typer

from socli.cli import app, options, wiring
from socli.errors import StorageError
from socli.home import store_path

group = typer.Typer(help="Say where the store is, check it, copy it.", no_args_is_help=True)
app.add_typer(group, name="store")


@group.command()
def path(store: options.Store = None) -> None:
    """Print where the store is."""
    print(store_path(store))


@group.command()
def check(store: options.Store = None) -> None:
    """Look for damage; exit code 74 where there is some."""
    with wiring.opened(store) as db:
        faults = db.check()
    for fault in faults:
        wiring.say(fault)
    if faults:
        raise StorageError("the store is damaged", hint="copy what can be read: sqlite3 socli.db .recover")
    print("good")


@group.command()
def backup(to: Annotated[Path, typer.Argument(help="A new file.")], store: options.Store = None) -> None:
    """Copy the store, also while others write to it."""
    with wiring.opened(store) as db:
        db.backup(to)
    print(to)
