"""Runs, metrics, benches and predictions come back, are found again, and go when their run goes."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from socli.errors import MissingError, StorageError, UsageError
from socli.problem import ByLength, Prediction, Problem, Scorecard, Step
from socli.records import BenchPlan, MetricRow, PredictionRow, RunPlan, RunRow
from socli.store import Store

PLAN = RunPlan(
    name="quickstart",
    recipe={"problems": {"set": "stories", "steps": [1, 3]}, "training": {"lr": 1e-4, "seed": 7}},
    seed=7,
    scheme="socratic",
    roles="unified",
    base="smollm2-135m",
    versions={"socli": "0.1.0", "torch": "2.13.0"},
    note="first try",
)
BENCH = BenchPlan(model="quickstart", set="stories:test", calculator=True, settings={"limit": 100, "seed": 1})
CARD = Scorecard(
    "stories:test", "quickstart", True, 100, 76, 0.76, 0.667, 0.833, 0.02, 0.0, 9000, 31.5, 0.532
)
DATES = [Problem(f"Which day is {n} days after Monday?", kind="text") for n in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "socli.db") as store:
        store.add_problems("dates", DATES)
        yield store


def predicted(problem: Problem, **changes: object) -> Prediction:
    right = Prediction(problem.id, (Step("?", "!"),), "Tue", True, "answered", True, 9, 0.25, "? !\nTue")
    return replace(right, **changes)  # type: ignore[arg-type]


def test_a_run_that_is_done_is_found_by_what_it_learnt_and_not_by_how_it_is_scored(store: Store) -> None:
    plan = replace(PLAN, arm="cot", traces="abc", budget="tokens")
    run = store.start_run(plan)
    assert (run.arm, run.traces, run.budget) == ("cot", "abc", "tokens")
    assert store.find_run(plan, "done") is None
    assert store.find_run(replace(plan, traces="def")) is None  # other lessons: another run
    done = store.finish_run(run.id, "done")
    scored = {**PLAN.recipe, "bench": {"limit": 5}, "about": "the same"}
    assert store.find_run(replace(plan, recipe=scored), "done") == done
    assert store.find_run(plan) is None
    for other in ({"arm": ""}, {"arm": "answer"}, {"traces": "def"}, {"seed": 8}, {"recipe": {"x": 1}}):
        assert store.find_run(replace(plan, **other), "done") is None  # type: ignore[arg-type]


def test_a_run_comes_back_as_it_was_planned(store: Store) -> None:
    run = store.start_run(PLAN)
    assert run == RunRow(
        name="quickstart",
        recipe={"problems": {"set": "stories", "steps": [1, 3]}, "training": {"lr": 1e-4, "seed": 7}},
        seed=7,
        scheme="socratic",
        roles="unified",
        base="smollm2-135m",
        versions={"socli": "0.1.0", "torch": "2.13.0"},
        note="first try",
        id=run.id,
        status="started",
        folder=store.path.parent / "socli-runs" / f"quickstart-{run.id}",
        created=run.created,
        finished=None,
    )
    assert len(run.id) == 8
    assert run.created.endswith("Z")
    assert store.run(run.id) == run
    assert not run.folder.exists()


def test_a_run_ends_done_or_failed(store: Store) -> None:
    good, bad = store.start_run(PLAN), store.start_run(PLAN)
    done = store.finish_run(good.id, "done")
    assert (done.status, done.note, done.finished is None) == ("done", "first try", False)
    failed = store.finish_run(bad.id, "failed", "the loss was not a number")
    assert (failed.status, failed.note) == ("failed", "the loss was not a number")
    with pytest.raises(MissingError):
        store.finish_run("no-such-run", "done")


def test_the_folder_of_a_run_moves_with_the_store(store: Store, tmp_path: Path) -> None:
    run = store.start_run(PLAN)
    store.backup(tmp_path / "elsewhere" / "renamed.db")
    with Store(tmp_path / "elsewhere" / "renamed.db") as moved:
        assert moved.run(run.id).folder == tmp_path / "elsewhere" / "socli-runs" / f"quickstart-{run.id}"


def test_a_run_that_did_not_end_is_found_by_its_plan(store: Store) -> None:
    assert store.find_run(PLAN) is None
    run = store.start_run(PLAN)
    same = replace(
        PLAN,
        recipe={"training": {"seed": 7, "lr": 1e-4}, "problems": {"steps": (1, 3), "set": "stories"}},
        versions={},
        note="",
    )
    assert store.find_run(same) == run
    for other in ({"seed": 8}, {"base": "gpt2"}, {"recipe": {}}, {"name": "other"}):
        assert store.find_run(replace(PLAN, **other)) is None  # type: ignore[arg-type]
    store.finish_run(run.id, "failed")
    assert store.find_run(PLAN) is None


def test_a_run_is_found_by_id_name_or_beginning(store: Store) -> None:
    run = store.start_run(PLAN)
    assert store.run(run.id) == store.run("quickstart") == store.run(run.id[:7]) == run
    lookalike = store.start_run(replace(PLAN, name=run.id))
    assert store.run(run.id).name == "quickstart"
    assert store.run(lookalike.id) == lookalike


def test_a_name_stands_for_its_last_good_run(store: Store) -> None:
    runs = [store.start_run(PLAN) for _ in range(3)]
    assert store.run("quickstart") == runs[2]
    good = store.finish_run(runs[0].id, "done")
    assert store.run("quickstart") == good
    good = store.finish_run(runs[1].id, "done")
    assert store.run("quickstart") == good
    assert [run.id for run in store.runs()] == [run.id for run in reversed(runs)]


def test_the_last_good_run_is_the_one_done_last(store: Store) -> None:
    assert store.last_good_run() is None
    first, second, third = (store.start_run(replace(PLAN, name=name)) for name in ("a", "b", "c"))
    store.finish_run(second.id, "done")
    store.finish_run(third.id, "failed")
    assert store.last_good_run() == store.run("b")
    store._file.connection.execute("UPDATE runs SET finished = '2000-01-01T00:00:00.000Z' WHERE name = 'b'")
    store.finish_run(first.id, "done")
    assert store.last_good_run() == store.run("a")


def test_an_unknown_run_names_the_nearest(store: Store) -> None:
    store.start_run(PLAN)
    with pytest.raises(MissingError, match="no run `quikstart` in the store") as caught:
        store.run("quikstart")
    assert caught.value.hint == "did you mean `quickstart`?"


@pytest.mark.parametrize("name", ["../x", "a/b", "x'; DROP TABLE runs; --", "CON", "", "a" * 65])
def test_t20_a_run_cannot_be_named_so(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        store.start_run(replace(PLAN, name=name))
    assert store.runs() == []


def test_metrics_come_back_by_role_and_step_and_a_repeated_step_replaces(store: Store) -> None:
    run = store.start_run(PLAN).id
    rows = [MetricRow(run, "solver", n, 1 / n, 1e-4, 900.5, n * 0.5) for n in range(1, 4)]
    rows.append(MetricRow(run, "decomposer", 1, 0.5, 2e-4, 800.0, 0.1))
    store.add_metrics(rows)
    better = replace(rows[1], loss=0.25)
    store.add_metrics([better])
    assert store.metrics(run) == [rows[3], rows[0], better, rows[2]]
    assert store.metrics("none") == []


def test_a_loss_that_is_no_number_comes_back_so(store: Store) -> None:
    run = store.start_run(PLAN).id
    store.add_metrics([MetricRow(run, "student", 1, math.nan, math.inf, 1.0, 1.0)])
    (row,) = store.metrics(run)
    assert math.isnan(row.loss)
    assert row.lr == math.inf


def test_a_bench_comes_back_with_its_scorecard_when_it_is_done(store: Store) -> None:
    run = store.start_run(PLAN).id
    bench = store.start_bench(replace(BENCH, run=run))
    assert (bench.status, bench.run, bench.scorecard, bench.finished) == ("started", run, None, None)
    assert bench.settings == {"limit": 100, "seed": 1}
    done = store.finish_bench(bench.id, CARD)
    assert (done.status, done.scorecard) == ("done", replace(CARD, bench=bench.id))
    assert done.finished is not None
    assert store.bench(bench.id[:6]) == done
    without = store.start_bench(replace(BENCH, calculator=False))
    card = replace(
        CARD,
        calculator=False,
        n=0,
        accuracy=math.nan,
        majority=None,
        unsound=0.25,
        looped=0.5,
        bench=without.id,
        by_steps=(ByLength(2, 9, 3, 0.1, 0.6), ByLength(3, 4, 0, 0.0, 0.5)),
    )
    back = store.finish_bench(without.id, card).scorecard
    assert back is not None
    assert math.isnan(back.accuracy)
    assert replace(back, accuracy=0.0) == replace(card, accuracy=0.0)


def test_a_bench_is_found_by_its_plan_the_last_one_first(store: Store) -> None:
    assert store.find_bench(BENCH) is None
    bench = store.start_bench(BENCH)
    assert store.find_bench(replace(BENCH, settings={"seed": 1, "limit": 100})) == bench
    others = ({"set": "x"}, {"model": "x"}, {"calculator": False}, {"settings": {}}, {"run": "x"})
    for other in others:
        assert store.find_bench(replace(BENCH, **other)) is None  # type: ignore[arg-type]
    done = store.finish_bench(bench.id, CARD)
    assert store.find_bench(BENCH) == done
    assert store.start_bench(BENCH) == store.find_bench(BENCH) != done


def test_benches_are_listed_newest_first_all_or_of_one_run(store: Store) -> None:
    run = store.start_run(PLAN).id
    first, second = store.start_bench(replace(BENCH, run=run)), store.start_bench(BENCH)
    assert store.benches() == [second, first]
    assert store.benches(run) == [first]


def test_predictions_come_back_in_input_order(store: Store) -> None:
    bench = store.start_bench(BENCH).id
    wrong = predicted(DATES[1], correct=False, answer="Wed")
    unknown = predicted(DATES[2], correct=None, answer=None, finish_reason="truncated", text="? \x1b[2J")
    assert store.add_predictions(bench, [(2, unknown), (0, predicted(DATES[0]))]) == 2
    assert store.add_predictions(bench, [(1, wrong), (2, predicted(DATES[2]))]) == 1
    assert list(store.predictions(bench)) == [
        PredictionRow(0, DATES[0].id, "Tue", True, "answered", 9, 0.25, "? !\nTue"),
        PredictionRow(1, DATES[1].id, "Wed", False, "answered", 9, 0.25, "? !\nTue"),
        PredictionRow(2, DATES[2].id, None, None, "truncated", 9, 0.25, "? \x1b[2J"),
    ]
    assert list(store.predictions("none")) == []


def test_more_predictions_than_a_page_come_back_whole(store: Store) -> None:
    bench = store.start_bench(BENCH).id
    assert store.add_predictions(bench, ((n, predicted(DATES[n % 3])) for n in range(1001))) == 1001
    assert [row.position for row in store.predictions(bench)] == list(range(1001))


def test_what_belongs_to_a_removed_run_goes_with_it_and_nothing_else(store: Store) -> None:
    run, other = store.start_run(PLAN), store.start_run(replace(PLAN, name="other"))
    for of in (run.id, other.id):
        store.add_metrics([MetricRow(of, "student", 1, 1.0, 1.0, 1.0, 1.0)])
        bench = store.start_bench(replace(BENCH, run=of))
        store.add_predictions(bench.id, [(0, predicted(DATES[0]))])
    assert store.remove_run(run.id) == run
    assert store.runs() == [other]
    assert store.metrics(run.id) == []
    assert len(store.metrics(other.id)) == 1
    assert [bench.run for bench in store.benches()] == [other.id]
    assert store.counts()["predictions"] == 1
    assert store.counts()["problems"] == 3
    with pytest.raises(MissingError):
        store.remove_run(run.id)


def test_rows_of_a_run_or_bench_that_is_not_there_are_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        store.add_metrics([MetricRow("none", "student", 1, 1.0, 1.0, 1.0, 1.0)])
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        store.add_predictions("none", [(0, predicted(DATES[0]))])
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        store.start_bench(replace(BENCH, run="none"))
