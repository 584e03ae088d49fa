import json
import math
from dataclasses import replace

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli import bench as module
from socli.bench import bench, in_order
from socli.events import BenchBegan, Scored, Tallied
from socli.problem import Problem
from socli.scheme import Scheme
from socli.solve import Solvers
from socli.store import Store
from socli.tables import BenchTable
from socli.writers.pieces import Sampling
from socli.writers.voting import voted

RIGHT = {problem.question: [f"#### {problem.gold}"] for problem in PROBLEMS}
TABLE = BenchTable(batch=2, max_tokens=50)


def solver(scripts: dict[str, list[str]], **facts) -> Solvers:
    return Solvers("scripted", Scheme("answer"), ScriptedWriter(scripts), **facts)


def card(store, problems, scripts, table=TABLE):
    *_, last = bench("set", problems, solver(scripts), store, table, again=True)
    assert isinstance(last, Tallied)
    return last.scorecard


# ---- the numbers


def test_a_scorecard_counts_right_wrong_unreadable_and_truncated(store):
    scripts = {
        PROBLEMS[0].question: ["#### 40"],
        PROBLEMS[1].question: ["#### 141"],
        PROBLEMS[2].question: ["It may be 1.5 or so"],
        PROBLEMS[3].question: ["Work: 2*3 = 6 and so on\n#### 8"],
    }
    made = card(store, PROBLEMS, scripts, BenchTable(batch=2, max_tokens=7))
    assert (made.set, made.model, made.calculator) == ("set", "scripted", True)
    assert (made.n, made.correct, made.accuracy) == (4, 1, 0.25)
    assert (made.unreadable, made.truncated, made.majority) == (0.25, 0.25, None)
    assert made.tokens == 3 + 3 + 7 + 7
    assert made.seconds > 0


def test_the_interval_is_wilsons(store):
    """1 of 4 by the formula: centre (0.25 + z²/8)/(1 + z²/4), with z = 1.959964."""
    scripts = RIGHT | {p.question: ["#### 0"] for p in PROBLEMS[1:]}
    made = card(store, PROBLEMS, scripts)
    assert (made.correct, made.n) == (1, 4)
    assert made.low == pytest.approx(0.045587, abs=1e-6)
    assert made.high == pytest.approx(0.699358, abs=1e-6)


def test_t25_all_right_and_all_wrong_have_finite_intervals(store):
    right = card(store, PROBLEMS, RIGHT)
    assert (right.accuracy, right.high) == (1.0, 1.0)
    assert right.low == pytest.approx(0.510109, abs=1e-6)
    wrong = card(store, PROBLEMS, {"": ["#### 0"]})
    assert (wrong.accuracy, wrong.low) == (0.0, 0.0)
    assert wrong.high == pytest.approx(0.489891, abs=1e-6)


def test_what_has_no_gold_answer_is_predicted_and_not_scored(store):
    unknown = Problem("What is the best number?")
    problems = [PROBLEMS[0], unknown, PROBLEMS[1]]
    events = list(bench("set", problems, solver(RIGHT | {"best": ["#### 7"]}), store, TABLE))
    (told,) = [e for e in events if isinstance(e, Scored) and e.problem == unknown]
    assert (told.prediction.answer, told.prediction.correct) == ("7", None)
    made = events[-1].scorecard
    assert (made.n, made.correct, made.accuracy) == (2, 2, 1.0)


def test_a_set_without_any_gold_answer_has_the_widest_interval_and_counts_what_cannot_be_read(store):
    problems = [Problem(p.question) for p in PROBLEMS]
    made = card(store, problems, RIGHT | {PROBLEMS[0].question: ["no idea"]})
    assert (made.n, made.correct, made.accuracy, made.low, made.high) == (0, 0, 0.0, 0.0, 1.0)
    assert (made.unreadable, made.truncated) == (0.25, 0.0)


def test_an_empty_set_is_a_scorecard_of_nothing(store):
    events = list(bench("set", [], solver({}), store, TABLE))
    assert [type(event) for event in events] == [BenchBegan, Tallied]
    made = events[-1].scorecard
    assert (made.n, made.accuracy, made.unreadable, made.majority) == (0, 0.0, 0.0, None)
    assert not math.isnan(made.low + made.high)


def test_a_yes_no_set_tells_what_always_saying_the_same_would_reach(store):
    golds = ["yes", "no", "yes", "yes", None]
    problems = [Problem(f"Is it {n}?", gold, "yes/no") for n, gold in enumerate(golds)]
    made = card(store, problems, {"Is it": ["#### no"]})
    assert (made.n, made.correct, made.majority) == (4, 1, 0.75)


# ---- order, batches, duplicates


def test_each_prediction_has_the_number_of_its_line_whatever_the_order(store):
    events = [e for e in bench("set", PROBLEMS, solver(RIGHT), store, TABLE) if isinstance(e, Scored)]
    assert {event.number: event.problem for event in events} == dict(enumerate(PROBLEMS, 1))
    assert all(event.prediction.correct for event in events)


def test_problems_of_similar_length_are_decoded_together(store):
    problems = [Problem(f"Number {n}? " + "long " * (50 * (n % 2)), "1") for n in range(4)]
    who = solver({"Number": ["#### 1"]})
    list(bench("set", problems, who, store, TABLE))
    assert [[len(prompt) < 100 for prompt in batch] for batch in who.student.opened] == [
        [True, True, False, False],  # one student: the next takes the place of one that is done
    ]
    writers = ScriptedWriter({"Number": [" 1"]}), ScriptedWriter({"Number": [""]})
    pair = Solvers("two", Scheme("socratic", "split"), *writers)
    list(bench("set", problems * 3, pair, store, TABLE))
    assert [[len(prompt) < 100 for prompt in batch] for batch in pair.student.opened] == [
        [True] * 6 + [False] * 6,  # two: so do they
    ]


def test_very_long_problems_are_decoded_in_smaller_batches(store):
    """A key-value cache has as many slots in every row as the longest row needs."""
    lengths = [10, 20, 30, 40, 20_000, 21_000, 22_000, 23_000, 70_000]
    problems = [Problem(f"{n} " + "x" * length, "1") for n, length in enumerate(lengths)]
    who = solver({"": ["#### 1"]})
    made = list(bench("set", problems, who, store, BenchTable(batch=8, max_tokens=50)))[-1].scorecard
    assert made.correct == 9
    sizes = [len(batch) for batch in who.student.opened]
    assert sizes == [4, 2, 2, 1]
    assert all(max(map(len, batch)) * len(batch) <= module.LONGEST + 100 for batch in who.student.opened[:-1])


def test_the_same_problem_twice_is_scored_twice(store):
    problems = [PROBLEMS[0], PROBLEMS[1], PROBLEMS[0], PROBLEMS[0]]
    events = [e for e in bench("set", problems, solver(RIGHT), store, TABLE) if isinstance(e, Scored)]
    assert sorted((event.number, event.problem.gold) for event in events) == [
        (1, "40"), (2, "140"), (3, "40"), (4, "40"),
    ]  # fmt: skip


def test_the_same_question_with_two_gold_answers_keeps_each_to_its_line(store):
    problems = [PROBLEMS[0], replace(PROBLEMS[0], gold="41")] * 2
    events = [
        e
        for e in bench("set", problems, solver(RIGHT), store, BenchTable(batch=8, max_tokens=50))
        if isinstance(e, Scored)
    ]
    assert sorted((e.number, e.problem.gold, e.prediction.correct) for e in events) == [
        (1, "40", True), (2, "41", False), (3, "40", True), (4, "41", False),
    ]  # fmt: skip


def test_more_problems_than_are_read_ahead_are_all_scored(store):
    problems = (Problem(f"Number {n}?", str(n % 2)) for n in range(40))  # a stream, read once
    events = list(bench("set", problems, solver({"Number": ["#### 1"]}), store, TABLE, total=40))
    assert events[0].total == 40
    assert sorted(event.number for event in events if isinstance(event, Scored)) == list(range(1, 41))
    assert (events[-1].scorecard.n, events[-1].scorecard.correct) == (40, 20)


# ---- the store


def test_a_prediction_is_stored_before_it_is_told(store):
    for event in bench("set", PROBLEMS, solver(RIGHT), store, TABLE):
        (row,) = store.benches()
        stored = {made.position: made for made in store.predictions(row.id)}
        if isinstance(event, BenchBegan):
            assert row.status == "started"
            assert stored == {}
        if isinstance(event, Scored):
            made = stored[event.number]
            assert (made.problem_id, made.answer, made.correct, made.text) == (
                event.problem.id, event.prediction.answer, True, event.prediction.text,
            )  # fmt: skip
        if isinstance(event, Tallied):
            assert row.status == "done"
            assert row.scorecard == event.scorecard
            assert len(stored) == 4


def test_a_bench_that_is_broken_off_keeps_its_predictions_and_stays_started(store):
    for event in bench("set", PROBLEMS, solver(RIGHT), store, TABLE):
        if isinstance(event, Scored):
            break
    (row,) = store.benches()
    assert (row.status, row.scorecard) == ("started", None)
    assert len(list(store.predictions(row.id))) == 1


def test_the_problems_of_a_bench_are_in_the_store_in_their_order(store):
    list(bench("mine.jsonl", PROBLEMS, solver(RIGHT), store, TABLE))
    assert [problem.question for problem in store.problems("mine.jsonl")] == [p.question for p in PROBLEMS]


def test_a_bench_row_says_all_that_the_result_depends_on(store):
    who = solver(RIGHT, calculator=False, precision="fp32")
    list(bench("set", PROBLEMS, who, store, BenchTable(batch=2, max_tokens=50, limit=4, calculator=False)))
    (row,) = store.benches()
    assert (row.model, row.set, row.calculator, row.run) == ("scripted", "set", False, None)
    assert row.settings["precision"] == "fp32"
    assert row.settings["scheme"] == "answer"
    assert (row.settings["limit"], row.settings["max_tokens"]) == (4, 50)


def test_how_samples_voted_is_stored_told_again_and_part_of_what_the_result_depends_on(store):
    scripts = {p.question: [(f"#### {p.gold}", "#### 1", f"#### {p.gold}")] for p in PROBLEMS}
    writer = ScriptedWriter(scripts)
    one = Solvers("one", Scheme("answer"), writer, run=None)
    who = voted(one, writer, Sampling(seed=7), 3, "number")
    first = [e for e in bench("set", PROBLEMS, who, store, TABLE) if isinstance(e, Scored)]
    assert [e.prediction.confidence for e in first] == [pytest.approx(2 / 3)] * 4
    (row,) = store.benches()
    assert (row.model, row.run) == ("one, 3 votes", None)
    assert row.settings["sampling"] == {"temperature": 0.7, "top_p": 0.95, "seed": 7, "repeats": 3}
    again = [e for e in bench("set", PROBLEMS, who, store, TABLE) if isinstance(e, Scored)]
    assert all(e.before for e in again)
    assert {e.number: e.prediction for e in again} == {e.number: e.prediction for e in first}
    other = voted(one, writer, Sampling(seed=8), 3, "number")
    assert not any(before for *_, before in told(bench("set", PROBLEMS, other, store, TABLE)))


def test_problems_with_several_samples_are_fewer_side_by_side(store):
    works = {p.question: [(" 1\n", " 1\n")] for p in PROBLEMS}
    solver, asker = ScriptedWriter(works), ScriptedWriter({"": ["Ask: What?\n"]})
    pair = Solvers("pair", Scheme("socratic", "split"), solver, asker)
    who = voted(pair, solver, Sampling(), 2, "number")
    list(bench("set", PROBLEMS, who, store, BenchTable(batch=1, max_tokens=4)))
    assert [len(rows) for rows in solver.opened] == [2, 2, 2, 2]  # not three problems, but one with two rows


def test_a_bench_that_was_stopped_knows_how_many_problems_there_are(store):
    for event in bench("set", PROBLEMS, solver(RIGHT), store, TABLE, total=4):
        if isinstance(event, Scored):
            break
    (row,) = store.benches()
    assert (row.total, row.so_far(store.solved(row.id))) == (4, "1 of 4")
    other = [PROBLEMS[1], *PROBLEMS]  # it goes on as another bench
    list(bench("set", other, solver(RIGHT), store, TABLE, total=5))
    assert [row.total for row in store.benches()] == [5, 4]


# ---- going on


def told(events) -> list[tuple[int, str | None, bool | None, bool]]:
    rows = [e for e in events if isinstance(e, Scored)]
    return [(e.number, e.prediction.answer, e.prediction.correct, e.before) for e in rows]


def test_t3_a_bench_that_was_stopped_solves_only_what_is_missing_and_ends_as_if_it_was_not(store, tmp_path):
    for event in bench("set", PROBLEMS, solver(RIGHT), store, TABLE):
        if isinstance(event, Scored):
            first = event.number
            break
    who = solver(RIGHT)
    events = list(bench("set", PROBLEMS, who, store, TABLE))
    assert (events[0].done, [n for n, *_, before in told(events) if before]) == (1, [first])
    assert sorted(told(events)) == [
        (n, p.gold, True, n == first) for n, p in enumerate(PROBLEMS, 1)
    ]  # fmt: skip
    assert sum(map(len, who.student.opened)) == 3
    (row,) = store.benches()
    assert row.status == "done"
    with Store(tmp_path / "whole.db") as other:
        whole = list(bench("set", PROBLEMS, solver(RIGHT), other, TABLE))[-1].scorecard
        ids = other.benches()[0].id, row.id
        assert [replace(p, seconds=0) for p in other.predictions(ids[0])] == [
            replace(p, seconds=0) for p in store.predictions(ids[1])
        ]
    assert replace(events[-1].scorecard, seconds=0, bench="") == replace(whole, seconds=0, bench="")


def test_what_is_done_is_told_again_and_not_solved_again_unless_asked(store):
    first = list(bench("set", PROBLEMS, solver(RIGHT), store, TABLE))
    who = solver({})  # has nothing to write
    second = list(bench("set", PROBLEMS, who, store, TABLE))
    assert who.student.opened == []
    assert second[0].done == 4
    assert [(n, a) for n, a, *_ in told(second)] == [(n, p.gold) for n, p in enumerate(PROBLEMS, 1)]
    assert second[-1] == first[-1]
    assert len(store.benches()) == 1
    list(bench("set", PROBLEMS, solver(RIGHT), store, TABLE, again=True))
    assert len(store.benches()) == 2


@pytest.mark.parametrize("change", [{"calculator": False}, {"precision": "bf16"}, {"name": "other"}])
def test_another_model_or_setting_is_another_bench(store, change):
    list(bench("set", PROBLEMS, solver(RIGHT), store, TABLE))
    who = replace(solver(RIGHT), **change)
    assert not any(before for *_, before in told(bench("set", PROBLEMS, who, store, TABLE)))
    assert len(store.benches()) == 2


def test_an_input_that_changed_goes_on_from_where_it_is_the_same_and_changes_nothing_stored(store):
    table = BenchTable(batch=1, max_tokens=50)
    problems = [Problem(f"Number {n}?", "1") for n in range(20)]
    who = solver({"Number": ["#### 1"]})
    list(bench("set", problems, who, store, table))
    (old,) = store.benches()
    kept = list(store.predictions(old.id))
    other = [*problems[:10], Problem("Number x?", "1"), *problems[11:]]
    events = told(bench("set", other, who, store, table))
    assert [n for n, *_, before in events if not before] == [11]
    assert store.bench(old.id) == old
    assert list(store.predictions(old.id)) == kept
    new = store.benches()[0]
    assert (new.status, new.scorecard.n) == ("done", 20)
    assert [row.problem_id for row in store.predictions(new.id)] == [problem.id for problem in other]


@pytest.mark.parametrize("n", [3, 6])
def test_an_input_that_became_shorter_or_longer_is_a_bench_of_its_own(store, n):
    problems = [Problem(f"Number {n}?", "1") for n in range(6)]
    who = solver({"Number": ["#### 1"]})
    list(bench("set", problems[:5], who, store, TABLE))
    events = list(bench("set", problems[:n], who, store, TABLE))
    assert sum(not before for *_, before in told(events)) == max(0, n - 5)
    assert [bench.scorecard.n for bench in store.benches()] == [n, 5]
    assert store.solved(events[-1].scorecard.bench) == n


def test_a_gold_answer_that_changed_is_compared_anew(store):
    list(bench("set", PROBLEMS, solver(RIGHT), store, TABLE))
    changed = [replace(PROBLEMS[0], gold="41"), *PROBLEMS[1:]]
    events = list(bench("set", changed, solver({}), store, TABLE))
    assert [correct for _, _, correct, _ in told(events)] == [False, True, True, True]
    assert [bench.scorecard.correct for bench in store.benches()] == [3, 4]


def forty() -> list[Problem]:
    return [Problem(f"Number {n}?", "1") for n in range(40)]


def solved_anew(problems, store, table=TABLE, stop=None) -> int:
    """How many are solved anew, where it is stopped after so many."""
    count = 0
    for event in bench("set", problems, solver({"Number": ["#### 1"]}), store, table):
        count += isinstance(event, Scored) and not event.before
        if count == stop:
            break
    return count


@pytest.mark.parametrize("change", [{"gold": "2"}, {"question": "Number two?"}])
def test_a_bench_that_forked_and_was_stopped_solves_no_more_than_it_would_have(store, change):
    problems = forty()
    assert solved_anew(problems, store) == 40
    other = [replace(problems[0], **change), *problems[1:30], Problem("Number x?", "1"), *problems[31:]]
    new = solved_anew(other, store, stop=1)
    assert new + solved_anew(other, store) <= 3  # two are new, and one of these was stopped under way
    done = store.benches()[0]
    assert (done.status, done.scorecard.n) == ("done", 40)
    assert [row.problem_id for row in store.predictions(done.id)] == [problem.id for problem in other]
    first = store.benches()[-1]
    assert [row.problem_id for row in store.predictions(first.id)] == [problem.id for problem in problems]
    assert first.scorecard.correct == 40


def test_another_limit_or_other_sets_of_the_recipe_solve_nothing_again(store):
    problems = forty()
    few = TABLE.model_copy(update={"limit": 10, "sets": ("set",)})
    assert solved_anew(problems[:10], store, few) == 10
    assert solved_anew(problems[:10], store, few.model_copy(update={"sets": ("set", "other")})) == 0
    assert len(store.benches()) == 1
    assert solved_anew(problems, store) == 30
    assert [bench.scorecard.n for bench in store.benches()] == [40, 10]
    assert solved_anew(problems[:10], store, few) == 0
    assert len(store.benches()) == 2
    more = few.model_copy(update={"limit": 20})
    assert solved_anew(problems[:20], store, more, stop=1) == 0  # the one that has most is taken
    assert [(b.scorecard.n, b.settings["limit"]) for b in store.benches()] == [(20, 20), (40, None), (10, 10)]


def test_a_bench_of_an_older_socli_whose_settings_name_its_sets_goes_on(store):
    problems = forty()
    table = TABLE.model_copy(update={"limit": 30})
    assert solved_anew(problems[:30], store, table, stop=20) == 20
    (row,) = store.benches()
    older = row.settings | {"sets": ["set"], "limit": 25}
    with store._file.writing():
        store._file.insert("UPDATE benches SET settings = ?", [(json.dumps(older, sort_keys=True),)])
    assert solved_anew(problems[:30], store, table) == 10
    (done,) = store.benches()
    assert (done.id, done.status, done.settings["limit"]) == (row.id, "done", 30)


def test_what_became_shorter_takes_the_time_of_what_is_left(store):
    problems = [Problem(f"Number {n}?", "1") for n in range(4)]
    solved_anew(problems, store)
    (whole,) = store.benches()
    rows = list(store.predictions(whole.id))
    share = sum(row.seconds for row in rows[:2]) / sum(row.seconds for row in rows)
    solved_anew(problems[:2], store)
    assert store.benches()[0].scorecard.seconds == pytest.approx(whole.scorecard.seconds * share)


def test_in_order_each_set_comes_in_the_order_of_its_input(store):
    problems = [Problem("Long? " + "x" * 99, "1"), Problem("Short?", "1"), Problem("Middle? " + "x" * 9, "1")]
    who = solver({"": ["#### 1"]})
    as_they_finish = list(bench("set", problems, who, store, TABLE))
    assert [e.number for e in as_they_finish if isinstance(e, Scored)] == [2, 3, 1]
    events = list(in_order([*as_they_finish, *as_they_finish]))
    assert [e.number for e in events if isinstance(e, Scored)] == [1, 2, 3, 1, 2, 3]
    assert sorted(map(str, events)) == sorted(map(str, [*as_they_finish, *as_they_finish]))
