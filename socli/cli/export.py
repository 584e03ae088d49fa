"""socli export"""

from pathlib import Path
from typing import Annotated

import typer

from socli.cli import app, options, wiring


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="A run's id, the beginning of one, or its name.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Write a finished run as a plain transformers folder, with a model card made from the store.

    `socli solve --run FOLDER` and `socli bench --run FOLDER` read it, and so does transformers. (Traces are
    exported by `socli traces export`.)
    """
    import shlex

    from socli.release import folder as release

    with wiring.opened(store) as db:
        row = db.run(run)
        where = release.save(row, db, folder)
    if json:
        files = sorted(str(path.relative_to(where)) for path in where.rglob("*") if path.is_file())
        wiring.print_json({"run": row.id, "folder": str(where), "files": files})
        return
    print(folder)
    command = shlex.join(["socli", "solve", "--run", str(where)])
    wiring.say(f"wrote run {row.id}; what it is: {folder / release.CARD}; next: {command}")
