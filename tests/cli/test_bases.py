"""`student.base = "run:ID"`: one run's students start from those of another."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from command_line import Socli, recipe, sql

from socli.engine.student import load
from socli.release.lineage import origins
from socli.store import Store

ONCE = ["--set", "train.epochs=1"]
SPLIT = ["--set", "scheme.roles=split"]


def numbers(folder: Path) -> dict[str, torch.Tensor]:
    student = load(folder, "x", "fp32", torch.device("cpu"))
    return {name: weight.detach() for name, weight in student.model.named_parameters()}


def same(one: Path, other: Path) -> bool:
    a, b = numbers(one), numbers(other)
    return all(torch.equal(a[name], b[name]) for name in a)


def ids(store: Path) -> list[str]:
    return [id for (id,) in sql(store, "SELECT id FROM runs ORDER BY rowid")]


def folder_of(store: Path, id: str) -> Path:
    (found,) = (store.parent / "socli-runs").glob(f"*-{id}")
    return found


@pytest.fixture
def second(tmp_path: Path, four: Path, llama: Path) -> str:
    """A recipe that learns next to nothing: one step at the smallest of rates."""
    train = {"epochs": 1, "lr": 1e-30}
    return str(recipe(tmp_path, "second", four, llama, train=train))


def test_a_run_goes_on_from_where_another_one_ended(socli: Socli, trained: Path, second: str) -> None:
    (first,) = ids(trained)
    done = socli("distill", "--recipe", second, "--set", "student.base=run:by-heart")
    assert done.code == 0, done.err
    _, next_ = ids(trained)
    assert same(folder_of(trained, first) / "student", folder_of(trained, next_) / "student")
    ((base, frozen),) = sql(trained, "SELECT base, recipe FROM runs WHERE name = 'second'")
    assert (base, json.loads(frozen)["student"]["base"]) == (f"run:{first}", f"run:{first}")
    repeat = socli("runs", "show", next_).lines[-1]
    assert repeat == f"repeat it: socli distill --recipe {second} --set student.base=run:{first} --again"
    again = socli("distill", "--recipe", second, "--set", f"student.base=run:{first[:5]}")
    assert again.told[0] == f"run {next_} is done already"


def test_roles_start_from_their_like_or_from_who_answers(
    socli: Socli, trained: Path, by_heart: Path, second: str
) -> None:
    (first,) = ids(trained)
    guided = ["--set", "scheme.guide=count"]
    small = ["--set", "train.lr=1e-30"]
    assert socli("distill", "-r", second, *SPLIT, *guided, "--set", f"student.base=run:{first}").code == 0
    (_, alone) = ids(trained)
    for role in ("planner", "decomposer", "solver"):  # it had a student alone
        assert same(folder_of(trained, first) / "student", folder_of(trained, alone) / role)

    assert socli("distill", "-r", str(by_heart), *SPLIT, *ONCE).code == 0
    pair = ids(trained)[-1]
    done = socli("distill", "-r", second, *SPLIT, *guided, *small, "--set", f"student.base=run:{pair}",
                 "--set", f"student.planner=run:{first}")  # fmt: skip
    assert done.code == 0, done.err
    last = folder_of(trained, ids(trained)[-1])
    assert same(folder_of(trained, pair) / "decomposer", last / "decomposer")
    assert same(folder_of(trained, pair) / "solver", last / "solver")
    assert same(folder_of(trained, first) / "student", last / "planner")
    assert not same(last / "decomposer", last / "solver")


def test_the_card_names_the_run_and_what_it_learnt_from_and_what_came_before(
    socli: Socli, trained: Path, second: str, tmp_path: Path, llama: Path
) -> None:
    (first,) = ids(trained)
    assert socli("distill", "--recipe", second, "--set", f"student.base=run:{first}").code == 0
    assert socli("export", "second", str(tmp_path / "out")).code == 0
    text = (tmp_path / "out" / "README.md").read_text()
    descent = text.split("## What it descends from\n\n")[1].split("\n\n")[0].splitlines()
    assert descent[0].startswith(f"- `run {first}`, licence: not known; trained by socli on four.jsonl")
    assert descent[1].startswith(f"  - `{llama.name}`, licence: not known; ")
    with Store(trained) as store:
        there = folder_of(trained, first) / "student"
        assert origins(f"run:{first}", store.runs()) == origins(str(there), store.runs())
        (gone,) = origins("run:00000000", store.runs())
    assert (gone.name, gone.said[:27]) == ("run 00000000", "not in this store any more,")


def test_arms_that_start_from_a_run_are_found_again_when_they_are_scored(
    socli: Socli, trained: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    (first,) = ids(trained)
    arms = {"arms.cot": {"scheme.name": "cot"}, "arms.all": {"scheme.name": "socratic"}}
    both = str(recipe(tmp_path, "both", four, llama, train={"epochs": 1}, **arms))
    base = ["--set", "student.base=run:by-heart"]
    assert socli("distill", "--recipe", both, *base).code == 0
    scored = socli("bench", "--recipe", both, *base, "--limit", "1")
    assert scored.code == 0, scored.err
    assert [row["run"] for row in scored.rows] == ids(trained)[1:]
    assert socli("runs", "remove", first, "--yes").code == 0
    gone = socli("bench", "--recipe", both, "--set", f"student.base=run:{first}", "--limit", "1")
    assert gone.code == 0, gone.err


@pytest.mark.parametrize(
    ("base", "code", "told"),
    [
        ("run:nobody", 3, ["error: no run `nobody` in the store", "hint: see `socli runs list`"]),
        ("run:", 3, ["error: no run `` in the store", "hint: see `socli runs list`"]),
        ("run:by-hart", 3, ["error: no run `by-hart` in the store", "hint: did you mean `by-heart`?"]),
    ],
)
def test_t19_a_run_that_is_not_there_is_a_sentence(
    base: str, code: int, told: list[str], socli: Socli, trained: Path, second: str
) -> None:
    done = socli("distill", "--recipe", second, "--set", f"student.base={base}")
    assert (done.code, done.told) == (code, told)
    assert len(ids(trained)) == 1


def test_t19_a_beginning_that_several_share_an_unfinished_run_and_lost_weights_are_sentences(
    socli: Socli, trained: Path, second: str
) -> None:
    import sqlite3

    (first,) = ids(trained)
    start = ["distill", "--recipe", second, "--set"]
    shutil.rmtree(folder_of(trained, first) / "student")
    lost = socli(*start, f"student.base=run:{first}")
    assert (lost.code, lost.told[-1]) == (3, "hint: train it again with `socli distill --again`")
    assert lost.told[-2].startswith(f"error: the weights of run {first} are not in ")
    with sqlite3.connect(trained) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(runs)") if row[1] != "id"]
        names = ", ".join(columns)
        other = first[:4] + ("0000" if first[4:] != "0000" else "1111")
        file.execute(f"INSERT INTO runs (id, {names}) SELECT '{other}', {names} FROM runs")
        file.execute("UPDATE runs SET status = 'started' WHERE id = ?", [other])
    several = socli(*start, f"student.decomposer=run:{first[:4]}")
    assert several.code == 2
    assert several.told[0] == f"error: `{first[:4]}` is the beginning of more than one run"
    unfinished = socli(*start, f"student.base=run:{other}")
    assert (unfinished.code, unfinished.told[0]) == (3, f"error: run {other} is not finished")
    assert unfinished.told[1].startswith("hint: go on with it: socli distill --recipe /")
    assert unfinished.told[1].endswith("/by-heart.toml")


def test_an_exported_folder_is_a_base_as_a_run_is(
    socli: Socli, trained: Path, second: str, tmp_path: Path
) -> None:
    assert socli("export", "by-heart", str(tmp_path / "out")).code == 0
    assert socli("distill", "--recipe", second, "--set", f"student.base={tmp_path / 'out'}").code == 0
    first, next_ = ids(trained)
    assert same(folder_of(trained, first) / "student", folder_of(trained, next_) / "student")
    with Store(trained) as store:
        assert origins(str(tmp_path / "out"), store.runs())[0].name == f"run {first}"
