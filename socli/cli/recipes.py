"""socli recipes: list, show, validate"""

from typing import Annotated

import typer

from socli.cli import app, options, wiring
from socli.errors import RecipeError

group = typer.Typer(help="List, show and check recipes.", invoke_without_command=True)
app.add_typer(group, name="recipes")


@group.callback()
def _recipes(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(json: options.Json = False) -> None:
    """List the recipes that ship."""
    from socli import recipe as recipes

    loaded = {name: recipes.load(name) for name in recipes.shipped()}
    if json:
        for name, one in loaded.items():
            wiring.print_json({"name": name, **one.model_dump(mode="json")})
        return
    rows = [
        (name, one.student.base, f"{one.scheme.name} {one.scheme.roles}", one.problems.train, one.about)
        for name, one in loaded.items()
    ]
    wiring.table(("recipe", "student", "scheme", "problems", "about"), rows)


@group.command()
def show(
    name: Annotated[str, typer.Argument(help="A recipe's name or a .toml file.")],
    set_: options.Set = None,
    json: options.Json = False,
) -> None:
    """Show a recipe's file, or every setting with its value (--json)."""
    from socli import recipe as recipes

    loaded = recipes.load(name, set_ or [])
    text = recipes.dump(loaded) if json else recipes.find(name).read_text(encoding="utf-8")
    print(text.rstrip())


@group.command()
def validate(names: Annotated[list[str], typer.Argument(help="Names or .toml files.")]) -> None:
    """Check recipes; exit code 2 if one cannot be used."""
    from socli import recipe as recipes

    wrong: list[RecipeError] = []
    for name in names:
        try:
            recipes.load(name)
        except RecipeError as error:
            wrong.append(error)
        else:
            print(f"{name}: good")
    for fault in wrong[:-1]:
        wiring.say(f"error: {fault}")
    if wrong:
        raise wrong[-1]
