"""`socli recipes`: list, show, validate."""

import json
from pathlib import Path

import pytest
from command_line import Socli

from socli.recipe import shipped

SHIPPED = sorted(shipped())


def test_the_recipes_that_ship_are_listed(socli: Socli) -> None:
    assert [line.split("\t")[:4] for line in socli("recipes").lines] == [
        ["gsm8k", "smollm2-135m", "socratic split, equations alone", "gsm8k:train"],
        ["gsm8k-equations", "smollm2-135m", "cot, equations alone", "gsm8k:train[:-500]"],
        ["levers-gsm8k", "smollm2-135m", "8 arms", "gsm8k:train[:-500]"],
        ["paper-gsm8k", "smollm2-135m", "7 arms", "gsm8k:train"],
        ["paper-stories", "smollm2-135m", "7 arms", "stories:train"],
        ["paper-strategyqa", "smollm2-135m", "8 arms", "strategyqa:train"],
        ["paper-svamp", "smollm2-135m", "7 arms", "svamp:train"],
        ["quickstart", "smollm2-135m", "socratic unified", "stories:train"],
        ["stories-teacher", "smollm2-135m", "2 arms", "stories:train"],
        ["strategyqa", "smollm2-135m", "socratic split, no sub-answers", "strategyqa:train"],
        ["svamp", "smollm2-135m", "socratic split", "svamp:train"],
    ]
    assert [row["name"] for row in socli("recipes", "list", "--json").rows] == SHIPPED


def test_show_prints_the_file_and_json_every_setting(socli: Socli) -> None:
    shown = socli("recipes", "show", "quickstart").out
    assert shown.rstrip() == shipped()["quickstart"].read_text(encoding="utf-8").rstrip()
    assert 'train = "stories:train"' in shown
    done = socli("recipes", "show", "quickstart", "--set", "train.lr=1e-3", "--json")
    settings = json.loads(done.out)
    assert settings["train"]["lr"] == 0.001
    assert settings["teacher"]["model"] == "reference"


def test_good_ones_are_said_to_be_good(socli: Socli, by_heart: Path) -> None:
    done = socli("recipes", "validate", *SHIPPED, str(by_heart))
    assert (done.code, done.err) == (0, "")
    assert done.lines == [f"{name}: good" for name in [*SHIPPED, str(by_heart)]]


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("[problems]\ntrain = 'x:y'\nlimt = 3", "no setting `problems.limt`", "did you mean `limit`?"),
        ("[problems]\ntrain = 'x:y'\nlimit = 'x'", "`problems.limit`: input should be a valid int", None),
        ("[problems]\ntrain = 'x:y'\n[train]\nlr = nan", "`train.lr`: ", None),
        ("[problems]\ntrain = 'x:y'\n[train]\nlr = -1.0", "`train.lr`: ", None),
        ("[problems]\ntrain = 'x:y'\nsteps = [3, 1]", "`problems.steps`: must be [least, most]", None),
        ("[problems\n", "cannot be read: ", None),
        ("about = 'no problems'", "`problems` is missing", None),
        ("problems = 3", "`problems`: ", None),
        ("[problems]\ntrain = 'x:y'\n\n[\x1b]0;x\x07]", "cannot be read: ", None),
    ],
)  # fmt: skip
def test_t19_a_bad_recipe_is_named_with_file_key_and_hint(
    text: str, error: str, hint: str | None, socli: Socli, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    done = socli("recipes", "validate", str(tmp_path / "mine.toml"), "quickstart")
    assert (done.code, done.lines) == (2, ["quickstart: good"])
    assert done.told[0].startswith("error: mine.toml")
    assert error in done.told[0]
    assert done.told[1:] == ([] if hint is None else [f"hint: {hint}"])
    assert "\x1b" not in done.err


def test_all_bad_ones_are_named(socli: Socli, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text("x")
    done = socli("recipes", "validate", str(tmp_path / "one.toml"), "gms8k", str(tmp_path / "two.toml"))
    assert done.code == 2
    assert [line.split()[0] for line in done.told] == ["error:", "error:", "error:", "hint:"]


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "../../x.toml",
        "a/b",
        "..",
        "CON",
        "x\x00y",
        "x\x00y.toml",
        "a" * 300,
        f"{'a' * 300}.toml",
        "",
    ],
)
def test_t20_a_name_that_is_none_is_refused(name: str, socli: Socli, home: Path) -> None:
    for words in (["recipes", "show", name], ["annotate", "-r", name], ["distill", "-r", name]):
        done = socli(*words)
        assert (done.code, done.out) == (2, "")
        assert done.told[0].startswith("error: there is no recipe")
        assert done.told[1].startswith("hint: ")
        assert len(done.told[0]) < 150
    assert not home.exists()
