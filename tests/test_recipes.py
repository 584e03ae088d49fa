"""Every recipe that ships loads, and what its header tells the reader to type can be typed."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from socli import recipe
from socli.cli import app
from socli.scheme import Scheme

ROOT = Path(__file__).parents[1] / "recipes"
SHIPPED = sorted(ROOT.rglob("*.toml"), key=lambda path: path.stem)


def header_commands(path: Path) -> list[list[str]]:
    """The arguments of each `socli` command in the comment at the top of a recipe."""
    lines = path.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    assert all(line.startswith("#") for line in lines)
    return [shlex.split(line)[2:] for line in lines if line.split()[1:2] == ["socli"]]


def test_the_eleven_recipes_ship():
    assert [path.relative_to(ROOT).as_posix() for path in SHIPPED] == [
        "gsm8k.toml", "gsm8k-equations.toml", "levers-gsm8k.toml", "paper-gsm8k.toml", "paper-stories.toml",
        "paper-strategyqa.toml", "paper-svamp.toml", "quickstart.toml", "stories-teacher.toml",
        "strategyqa.toml", "svamp.toml",
    ]  # fmt: skip
    assert list(recipe.shipped()) == [path.stem for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_and_says_what_it_is_for(path):
    made = recipe.load(path.stem)
    assert made.about
    assert made.bench.sets
    assert recipe.load(str(path)) == made


def test_the_quickstart_is_unified_and_the_others_that_ask_are_split():
    made = {path.stem: recipe.load(path.stem) for path in SHIPPED}
    forms = {name: one.to_scheme() for name, one in made.items() if not one.arms}
    assert {name: form.roles for name, form in forms.items() if form.asks} == {
        "gsm8k": "split", "quickstart": "unified", "strategyqa": "split", "svamp": "split",
    }  # fmt: skip
    assert [name for name, form in forms.items() if not form.sub_answers] == ["strategyqa"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_commands_in_a_header_parse_and_name_the_recipe(path):
    group = get_command(app)
    commands = header_commands(path)
    assert [arguments[0] for arguments in commands][:3] == ["annotate", "distill", "bench"]
    for arguments in commands:
        with group.make_context("socli", list(arguments)) as context:
            name, command, rest = group.resolve_command(context, arguments)
            with command.make_context(name, rest, parent=context) as parsed:
                assert parsed.params.get("recipe", path.stem) == path.stem


def test_each_lever_is_compared_with_the_plain_arm_on_problems_that_none_learns():
    made = recipe.load("levers-gsm8k")
    assert (made.problems.train, made.bench.sets) == ("gsm8k:train[:-500]", ("gsm8k:train[-500:]",))
    told = {arm: (made.shared(alone), alone.to_scheme()) for arm, alone in made.queue()}
    plain = told["cot"][1]
    assert {arm: (shared, form) for arm, (shared, form) in told.items() if not shared} == {
        "cot": ({}, Scheme("cot")),
        "equations": ({}, Scheme("cot", work="equations")),
        "also": ({}, Scheme("cot", also=("answer", "socratic"))),
    }
    assert {arm: shared for arm, (shared, form) in told.items() if form == plain and shared} == {
        "longer": {"train": {"epochs": 2}},
        "augment": {"problems": {"augment": 0}},
        "average": {"train": {"average": 0.0}},
        "rounds": {"train": {"rounds": 0}},
    }
    assert told["stacked"] == (
        {"problems": {"augment": 0}, "train": {"average": 0.0}},
        Scheme("cot", work="equations", also=("answer", "socratic")),
    )
    for size in ("smoke", "small", "full"):
        epochs = {
            arm: alone.train.epochs for arm, alone in recipe.load("levers-gsm8k", [f"size={size}"]).queue()
        }
        assert epochs["longer"] == 2 * epochs["cot"]
