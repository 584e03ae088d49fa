"""Two students on the same problems: paired, tested, corrected, said in a sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import jsonl

from socli.errors import UsageError
from socli.problem import Prediction, Problem, Scorecard
from socli.records import BenchPlan, RunPlan
from socli.scoring.compare import Comparison, Side, compare, matched, of_file, of_store
from socli.scoring.stats import Pairs, difference, holm, mcnemar
from socli.sources import Fields
from socli.store import Store

FIELDS = Fields()


def rows(right: Sequence[bool], **more: Any) -> list[dict[str, Any]]:
    """Outputs of a tool: problem n has the answer n, and -1 is said where it is not right."""
    return [
        {"question": f"What is {n} + 0?", "answer": str(n), "prediction": str(n if ok else -1)} | more
        for n, ok in enumerate(right)
    ]


def side(folder: Path, name: str, some: Sequence[dict[str, Any]]) -> Side:
    return of_file(str(jsonl(folder / name, some)), FIELDS)


def table(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """The outcomes of two on a table's problems."""
    a = [True] * (both + first) + [False] * (second + neither)
    b = [True] * both + [False] * first + [True] * second + [False] * neither
    return a, b


def compared(folder: Path, *tables: tuple[int, int, int, int]) -> list[Comparison]:
    """Files that differ from a first one as the tables say; the first must have as many right in each."""
    couples = []
    for n, counts in enumerate(tables):
        a, b = table(*counts)
        couples += matched([side(folder, "a.jsonl", rows(a))], [side(folder, f"b{n}.jsonl", rows(b))])
    return compare(couples)


def test_a_gain_is_called_better_with_what_it_rests_on(tmp_path: Path) -> None:
    (found,) = compared(tmp_path, (100, 60, 90, 1069))
    pairs = Pairs(100, 60, 90, 1069)
    assert found.pairs == pairs
    assert (found.p, found.difference) == (mcnemar(pairs), difference(pairs))
    assert found.verdict == "better"
    assert found.sentence == (
        f"{tmp_path}/b0.jsonl is better than {tmp_path}/a.jsonl: 14.4 % against 12.1 % on 1,319 problems, "
        "+2.3 points (95 % interval +0.5 to +4.1, exact McNemar p = 0.018)"
    )
    assert (found.problems_needed, found.seeds_needed) == (None, None)


def test_a_loss_is_called_worse(tmp_path: Path) -> None:
    (found,) = compared(tmp_path, (100, 90, 60, 1069))
    assert found.verdict == "worse"
    assert "b0.jsonl is worse than" in found.sentence


def test_what_cannot_be_told_says_how_much_more_is_needed(tmp_path: Path) -> None:
    (found,) = compared(tmp_path, (30, 10, 15, 245))
    assert found.verdict == "cannot tell"
    assert (found.problems_needed, found.seeds_needed) == (2452, 8)
    assert found.sentence.startswith(
        f"cannot tell {tmp_path}/b0.jsonl from {tmp_path}/a.jsonl: 15.0 % against"
    )
    assert found.sentence.endswith(
        "about 2,500 problems or 8 seeds of each would be needed to see so small a difference"
    )


@pytest.mark.parametrize("counts", [(50, 0, 0, 0), (0, 0, 0, 50), (20, 5, 5, 20)])
def test_t25_where_both_do_alike_the_numbers_are_finite_and_nothing_more_is_asked(
    counts: tuple[int, int, int, int], tmp_path: Path
) -> None:
    (found,) = compared(tmp_path, counts)
    assert (found.p, found.verdict, found.problems_needed) == (1.0, "cannot tell", None)
    assert -1 < found.difference.low < 0 < found.difference.high < 1
    assert "+0.0 points" in found.sentence


def test_several_comparisons_are_corrected_together(tmp_path: Path) -> None:
    tables = [(100, 60, 90, 1069), (80, 80, 100, 1059), (100, 60, 40, 1119)]
    found = compared(tmp_path, *tables)
    assert [one.corrected for one in found] == holm([mcnemar(Pairs(*counts)) for counts in tables])
    assert [one.verdict for one in found] == ["cannot tell"] * 3
    assert "p = 0.053 corrected for 3 comparisons" in found[0].sentence


def test_flips_are_listed_both_ways_with_both_answers(tmp_path: Path) -> None:
    (found,) = compared(tmp_path, (2, 1, 1, 1))
    ((lost,), (won,)) = found.lost, found.won
    assert (lost.question, lost.gold, lost.first, lost.second) == ("What is 2 + 0?", "2", "2", "-1")
    assert (won.question, won.gold, won.first, won.second) == ("What is 3 + 0?", "3", "-1", "3")


# pairing


def test_problems_that_only_one_has_are_counted(tmp_path: Path) -> None:
    a, b = rows([True] * 10), rows([True] * 12)[4:]
    (found,) = compare(matched([side(tmp_path, "a", a)], [side(tmp_path, "b", b)]))
    assert (found.pairs.n, found.unpaired) == (6, (4, 2))


def test_rows_are_paired_by_question_and_context_whatever_their_order_and_ids(tmp_path: Path) -> None:
    a = rows([True, False], context="Ann is 5.")
    b = [{**row, "id": "x"} for row in reversed(rows([True, False], context=["Ann is 5."]))]
    (found,) = compare(matched([side(tmp_path, "a", a)], [side(tmp_path, "b", b)]))
    assert found.pairs == Pairs(1, 0, 0, 1)


def test_rows_without_a_question_are_paired_by_id_also_with_rows_that_have_one(tmp_path: Path) -> None:
    a = [{"id": n, "correct": n > 1} for n in range(4)]
    b = [{**row, "id": str(n)} for n, row in enumerate(rows([True, True, True, False]))]
    for first, second, expected in (
        (a, a, Pairs(2, 0, 0, 2)),
        (a, b, Pairs(1, 1, 2, 0)),
        (b, a, Pairs(1, 2, 1, 0)),
    ):
        (found,) = compare(matched([side(tmp_path, "a", first)], [side(tmp_path, "b", second)]))
        assert found.pairs == expected


def test_rows_with_other_questions_are_not_paired_by_a_number_both_call_their_id(tmp_path: Path) -> None:
    a = [{**row, "id": n} for n, row in enumerate(rows([True] * 3))]
    b = [{**row, "id": n, "question": f"Other {n}?"} for n, row in enumerate(rows([True] * 3))]
    with pytest.raises(UsageError, match="have no problem in common"):
        matched([side(tmp_path, "a", a)], [side(tmp_path, "b", b)])


def test_the_row_of_a_problem_counts_once_and_what_was_left_out_is_noted(tmp_path: Path) -> None:
    some = [
        *rows([True, True]),
        *rows([False]),
        {"question": "Who knows?", "prediction": "7"},
        {"correct": True},
    ]
    (tmp_path / "a").write_text("".join(f"{json.dumps(row)}\n" for row in some) + "nonsense\n")
    found = of_file(str(tmp_path / "a"), FIELDS)
    assert [outcome.correct for outcome in found.outcomes] == [True, True]
    assert found.notes == (
        f"left out: {tmp_path}/a line 6 is not JSON: Expecting value at column 1",
        f"left out: 1 rows of {tmp_path}/a without a right answer to go by",
        f"left out: 1 rows of {tmp_path}/a with neither question nor id",
        f"left out: 1 rows of {tmp_path}/a that repeat a problem",
    )


def test_a_verdict_that_a_row_brings_stands(tmp_path: Path) -> None:
    found = side(tmp_path, "a", [row | {"correct": False} for row in rows([True])])
    assert not found.outcomes[0].correct


def test_a_file_without_outcomes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is nothing to compare in"):
        side(tmp_path, "a", [])


def test_a_file_says_whether_the_calculator_was_on_where_all_its_rows_do(tmp_path: Path) -> None:
    on, off = rows([True], calculator=True), rows([True, True], calculator=False)[1:]
    assert side(tmp_path, "a", on).calculator is True
    assert side(tmp_path, "a", on + off).calculator is None
    assert side(tmp_path, "a", rows([True])).calculator is None


# runs


def run(store: Store, name: str) -> str:
    plan = RunPlan(name=name, recipe={}, seed=0, scheme="socratic", roles="unified", base="b", versions={})
    return store.finish_run(store.start_run(plan).id, "done").id


def bench(store: Store, run: str, set_name: str, right: Sequence[bool], *, calculator: bool = True) -> str:
    """A finished bench; its id."""
    problems = [Problem(f"What is {n} + 0?", str(n)) for n in range(len(right))]
    row = store.start_bench(BenchPlan(model=run, run=run, set=set_name, calculator=calculator, settings={}))
    store.add_problems(set_name, problems)
    made = [
        Prediction(p.id, (), str(n if ok else -1), ok, "answered", calculator, 1, 0.1, "")
        for n, (p, ok) in enumerate(zip(problems, right, strict=True))
    ]
    store.add_predictions(row.id, enumerate(made))
    store.finish_bench(row.id, Scorecard(set_name, run, calculator, 1, 1, 1.0, 0.2, 1.0, 0, 0, 1, 0.1))
    return row.id


def test_runs_are_compared_on_each_set_both_were_scored_on(store: Store) -> None:
    a, b = run(store, "one"), run(store, "two")
    for set_name in ("s", "t", "only"):
        bench(store, a, set_name, [True, False])
    for set_name in ("t", "s", "other"):
        bench(store, b, set_name, [True, True])
    found = compare(matched(of_store("one", store, (), None), of_store("two", store, (), None)))
    assert sorted(one.set for one in found) == ["s", "t"]
    assert {(one.first, one.second) for one in found} == {(f"one {a}", f"two {b}")}
    (narrowed,) = matched(of_store("one", store, ["s"], None), of_store("two", store, ["s"], None))
    assert narrowed[0].set == "s"


def test_the_newest_bench_of_each_is_taken(store: Store) -> None:
    a, b = run(store, "one"), run(store, "two")
    bench(store, a, "s", [False, False])
    bench(store, a, "s", [True, True])
    bench(store, b, "s", [True, False])
    (found,) = compare(matched(of_store("one", store, (), None), of_store("two", store, (), None)))
    assert found.pairs == Pairs(1, 1, 0, 0)


def test_the_calculator_is_the_same_on_both_sides(store: Store) -> None:
    a, b = run(store, "one"), run(store, "two")
    bench(store, a, "s", [True, True], calculator=False)
    bench(store, a, "s", [True, False], calculator=True)
    bench(store, b, "s", [True, True], calculator=False)
    (found,) = compare(matched(of_store("one", store, (), None), of_store("two", store, (), None)))
    assert (found.calculators, found.pairs.both) == ((False, False), 2)


def test_runs_with_other_calculator_settings_are_refused_unless_benches_are_named(store: Store) -> None:
    a, b = run(store, "one"), run(store, "two")
    on = bench(store, a, "s", [True, False], calculator=True)
    off = bench(store, b, "s", [True, True], calculator=False)
    with pytest.raises(UsageError, match=rf"one {a} was scored with the calculator on s, two {b} without"):
        matched(of_store("one", store, (), None), of_store("two", store, (), None))
    (found,) = compare(matched(of_store(on, store, (), None), of_store(off, store, (), None)))
    assert (found.calculators, found.first, found.second) == ((True, False), f"bench {on}", f"bench {off}")


def test_runs_on_different_sets_are_refused(store: Store) -> None:
    bench(store, run(store, "one"), "s", [True])
    bench(store, run(store, "two"), "t", [True])
    with pytest.raises(UsageError, match="were scored on different sets: s and t"):
        matched(of_store("one", store, (), None), of_store("two", store, (), None))


def test_a_run_is_compared_with_a_file_on_the_set_whose_problems_it_has(store: Store, tmp_path: Path) -> None:
    id = run(store, "one")
    bench(store, id, "s", [True, False])
    other = store.start_bench(BenchPlan(model=id, run=id, set="t", calculator=True, settings={}))
    store.add_problems("t", [Problem("Who?", "7")])
    store.add_predictions(
        other.id, [(0, Prediction(Problem("Who?").id, (), "7", True, "answered", True, 1, 0.1, ""))]
    )
    store.finish_bench(other.id, Scorecard("t", id, True, 1, 1, 1.0, 0.2, 1.0, 0, 0, 1, 0.1))
    file = side(tmp_path, "a", rows([False, True]))
    (found,) = compare(matched(of_store("one", store, (), None), [file]))
    assert (found.set, found.pairs) == ("s", Pairs(0, 1, 1, 0))
    assert [flip.question for flip in found.won] == ["What is 1 + 0?"]
