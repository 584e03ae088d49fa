"""What solvers are called whose parts are taken by others: two that differ never have the same name."""

from dataclasses import replace
from pathlib import Path

from doubles import PROBLEMS, ScriptedWriter
from test_runbook import PLAN

from socli.cli.parts import Parts, called, identity, with_parts
from socli.scheme import Scheme
from socli.solve import Solvers
from socli.store import Store

PAIR = Solvers("r", Scheme("socratic", "split"), ScriptedWriter({}), ScriptedWriter({}), run="r")


def test_solvers_with_other_teachers_are_other_solvers(store: Store) -> None:
    asking = Parts(decomposer="teacher", teacher="gpt-x", base_url="http://localhost:1/v1")
    for parts, name in [
        (asking, "r, decomposer teacher gpt-x"),
        (replace(asking, teacher="gpt-y"), "r, decomposer teacher gpt-y"),
        (replace(asking, decomposer="gold", solver="teacher"), "r, decomposer gold, solver teacher gpt-x"),
    ]:
        assert with_parts(PAIR, parts, store, PROBLEMS, "number").name == name


def test_a_run_that_takes_a_part_is_told_by_its_id_and_trained_again_is_another(store: Store) -> None:
    for _ in range(2):
        row = store.finish_run(store.start_run(PLAN).id, "done")
        assert called(PLAN.name, Parts(), store) == row.id


def test_two_released_folders_of_one_recipe_are_told_apart(store: Store) -> None:
    row = replace(store.start_run(PLAN), id="")
    names = {identity(replace(row, folder=Path(folder))) for folder in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith(f"{PLAN.name} ") for name in names)
