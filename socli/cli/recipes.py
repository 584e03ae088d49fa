"""socli recipes: list, show, validate"""

from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import app, options, wiring
from socli.errors import RecipeError

if TYPE_CHECKING:
    from socli.recipe import Recipe

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
        (name, one.student.base, _schemes(one), one.problems.train, one.about) for name, one in loaded.items()
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
    if json:
        print(recipes.dump(loaded))
        return
    print(recipes.find(name).read_text(encoding="utf-8").rstrip())
    for size in (*loaded.sizes, "full") if loaded.sizes else ():
        print(_size(size, recipes.load(name, [*(set_ or ()), f"size={size}"])))


def _schemes(recipe: "Recipe") -> str:
    from socli.scheme import described

    return f"{len(recipe.arms)} arms" if recipe.arms else described(recipe.to_scheme())


def _size(size: str, recipe: "Recipe") -> str:
    """What a size of a recipe comes to, as a comment below it."""
    from socli.screen.render import line

    train, bench = recipe.train, recipe.bench
    runs = sum(1 + alone.train.rounds for _, alone in recipe.queue())
    problems, scored = (f"{n:,}" if n else "all" for n in (recipe.problems.limit, bench.limit))
    return line(
        f"# size {size}: {runs} runs (arms {', '.join(recipe.arms) or 'none'}; seeds"
        f" {', '.join(map(str, train.seeds or (train.seed,)))}), {problems} problems, epochs"
        f" {train.epochs}, batches of {train.batch}, {scored} problems of each bench set"
    )


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
