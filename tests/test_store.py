"""What the store is given comes back, whatever it says; what is there already stays as it is."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socli.errors import MissingError, StorageError, UsageError
from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.store import Store
from socli.store.migrations import schema
from socli.store.sqlitefile import storable

JUGS = Problem("Kim fills 4 jugs of 3 litres. How many litres?", gold="12", source="jugs.jsonl")
TAXI = Problem("Is a taxi faster than a snail?", gold="yes", kind="yes/no", context="A snail is slow.")
OPEN = Problem("Say something kind.", gold=None, kind="text")


def traced(problem: Problem, teacher: str = "reference", answer: str = "12", **asked: object) -> Trace:
    steps = (Step("How many litres?", "4 * 3 = <<4*3=12>>12"), Step("", "so 12"))
    return Trace(problem.id, steps, answer, teacher, **asked)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "socli.db") as store:
        store.add_problems("mine:train", [JUGS, TAXI, OPEN])
        yield store


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("shared") / "socli.db") as store:
        yield store


def test_problems_come_back_in_the_order_of_their_set(store: Store) -> None:
    assert list(store.problems("mine:train")) == [JUGS, TAXI, OPEN]
    assert list(store.problems("mine:train", limit=2)) == [JUGS, TAXI]
    assert list(store.problems("mine:train", limit=0)) == []
    assert list(store.problems("no:set")) == []


def test_a_set_longer_than_a_page_comes_back_whole(store: Store) -> None:
    many = [Problem(f"What is {n} + {n}?", gold=str(2 * n)) for n in range(1201)]
    assert store.add_problems("long:train", iter(many)) == 1201
    assert list(store.problems("long:train")) == many
    assert list(store.problems("long:train", limit=501)) == many[:501]


def test_a_problem_in_two_sets_is_one_row_with_a_gold_answer_for_each(store: Store) -> None:
    assert store.add_problems("other:test", [replace(JUGS, gold="12.0")]) == 1
    assert store.counts()["problems"] == 3
    assert [problem.gold for problem in store.problems("other:test")] == ["12.0"]
    assert next(store.problems("mine:train")).gold == "12"
    assert store.problem(JUGS.id).gold == "12"


def test_adding_a_set_again_keeps_places_and_takes_new_gold_answers(store: Store) -> None:
    assert store.add_problems("mine:train", [OPEN, replace(JUGS, gold="13")]) == 2
    assert list(store.problems("mine:train")) == [replace(JUGS, gold="13"), TAXI, OPEN]


def test_problems_that_arrive_in_parts_stand_where_they_belong(store: Store) -> None:
    store.add_problems("parts", [TAXI], start=1)
    store.add_problems("parts", [JUGS], start=0)
    assert list(store.problems("parts")) == [JUGS, TAXI]


def test_a_problem_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    assert store.problem(TAXI.id) == TAXI
    assert store.problem(TAXI.id[:9]) == TAXI


def test_every_value_of_a_trace_comes_back(store: Store) -> None:
    trace = traced(
        TAXI, "some/model", "no", prompt_hash="ab12", temperature=0.7, top_p=0.95, seed=2**63 - 1, sample=3
    )
    row = TraceRow(
        trace,
        "refused",
        reason="the answer is `no`, not `yes`",
        reply="Snails?\nNo.",
        finish_reason="stop",
        tokens_in=300,
        tokens_out=7,
        created="2026-11-23T06:30:00.000Z",
    )
    assert store.add_traces([row], paid=True) == 1
    assert store.trace(trace.id) == row
    assert list(store.traces()) == [row]
    assert store.trace(trace.id).trace.id == trace.id


def test_a_trace_without_steps_or_costs_comes_back(store: Store) -> None:
    trace = Trace(JUGS.id, (), "", "reference")
    store.add_traces([TraceRow(trace, "refused", "empty")])
    row = store.trace(trace.id[:8])
    assert (row.trace.steps, row.tokens_in, row.tokens_out) == ((), None, None)
    assert row.created.endswith("Z")


def test_the_first_trace_of_an_id_stays_with_its_steps(store: Store) -> None:
    first = TraceRow(traced(JUGS), "kept", reply="first")
    longer = replace(first.trace, steps=(*first.trace.steps, Step("More?", "13")))
    again = TraceRow(longer, "refused", reply="second")
    assert store.add_traces([first, again]) == 1
    assert store.add_traces([again, again]) == 0
    (row,) = store.traces()
    assert (row.reply, row.verdict, row.trace) == ("first", "kept", first.trace)
    assert store.counts()["steps"] == 2


def test_kept_traces_come_in_the_order_of_the_set(store: Store) -> None:
    rows = [
        TraceRow(traced(OPEN), "kept"),
        TraceRow(traced(JUGS, sample=1), "kept"),
        TraceRow(traced(JUGS), "kept"),
        TraceRow(traced(TAXI), "refused"),
    ]
    store.add_traces(rows)
    assert list(store.kept("mine:train")) == [
        (JUGS, rows[1].trace),
        (JUGS, rows[2].trace),
        (OPEN, rows[0].trace),
    ]
    assert list(store.kept("mine:train", limit=1)) == [(JUGS, rows[1].trace)]
    assert list(store.kept("no:set")) == []


def test_kept_traces_can_be_of_one_teacher_or_prompt(store: Store) -> None:
    for teacher, prompt in (("reference", ""), ("some/model", "ab12"), ("some/model", "cd34")):
        store.add_traces([TraceRow(traced(JUGS, teacher, prompt_hash=prompt), "kept")])
    assert len(list(store.kept("mine:train"))) == 3
    assert len(list(store.kept("mine:train", "some/model"))) == 2
    ((_, trace),) = store.kept("mine:train", teacher="some/model", prompt_hash="cd34")
    assert trace.prompt_hash == "cd34"


def test_more_kept_traces_than_a_page_come_back_whole(store: Store) -> None:
    rows = [TraceRow(traced(problem, sample=n), "kept") for problem in (JUGS, TAXI) for n in range(600)]
    assert store.add_traces(rows) == 1200
    assert [trace for _, trace in store.kept("mine:train")] == [row.trace for row in rows]
    assert [row.trace for row in store.traces()] == [row.trace for row in reversed(rows)]


def test_the_kept_traces_of_some_problems_are_at_hand(store: Store) -> None:
    rows = [TraceRow(traced(JUGS, sample=n), "kept" if n else "refused") for n in range(3)]
    store.add_traces([*rows, TraceRow(traced(JUGS, "other"), "kept"), TraceRow(traced(OPEN), "kept")])
    assert store.kept_of([JUGS.id, TAXI.id], "reference") == {
        JUGS.id: [row.trace for row in rows[1:]],
        TAXI.id: [],
    }


def test_traced_knows_what_need_not_be_asked_again(store: Store) -> None:
    asked = traced(JUGS, "some/model", prompt_hash="ab12", temperature=0.7, top_p=0.95, seed=1, sample=0)
    store.add_traces(
        [TraceRow(asked, "kept"), TraceRow(replace(asked, problem_id=TAXI.id), "refused", "truncated")]
    )
    assert store.traced(asked) == {JUGS.id, TAXI.id}
    assert store.traced(asked, [None]) == {JUGS.id}
    assert store.traced(asked, ["truncated"]) == {TAXI.id}
    assert store.traced(asked, [None, "truncated"]) == {JUGS.id, TAXI.id}
    assert store.traced(asked, ["duplicate"]) == set()
    assert store.traced(replace(asked, problem_id="", steps=(), answer="")) == {JUGS.id, TAXI.id}
    for other in (
        {"teacher": "x"},
        {"prompt_hash": ""},
        {"temperature": 0.0},
        {"top_p": 1.0},
        {"seed": 2},
        {"sample": 1},
    ):
        assert store.traced(replace(asked, **other)) == set()


def test_the_newest_traces_come_first(store: Store) -> None:
    for n, verdict in enumerate(("kept", "refused", "kept")):
        store.add_traces([TraceRow(traced(JUGS, sample=n), verdict)])  # type: ignore[arg-type]
    assert [row.trace.sample for row in store.traces(limit=2)] == [2, 1]
    assert [row.trace.sample for row in store.traces(verdict="kept")] == [2, 0]
    assert [row.trace.sample for row in store.traces(1, "refused")] == [1]


def test_counts_say_how_much_there_is(store: Store) -> None:
    store.add_traces([TraceRow(traced(JUGS), "kept"), TraceRow(traced(TAXI), "refused")])
    assert store.counts() == {
        "problems": 3,
        "sets": 1,
        "kept": 1,
        "refused": 1,
        "steps": 4,
        "runs": 0,
        "benches": 0,
        "predictions": 0,
    }


def test_a_trace_of_an_unknown_problem_is_refused_and_nothing_of_its_flush_stays(store: Store) -> None:
    stranger = traced(Problem("Who?"))
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        store.add_traces([TraceRow(traced(JUGS), "kept"), TraceRow(stranger, "kept")])
    assert list(store.traces()) == []
    assert store.add_traces([TraceRow(traced(JUGS), "kept")]) == 1


def test_a_seed_beyond_64_bits_is_a_sentence(store: Store) -> None:
    with pytest.raises(StorageError, match="64 bits is the most"):
        store.add_traces([TraceRow(traced(JUGS, seed=2**63), "kept")])
    assert store.counts()["steps"] == 0


def test_one_may_write_while_going_through_a_set_though_another_writes_too(store: Store) -> None:
    with Store(store.path) as other:
        for problem in store.problems("mine:train"):
            other.add_traces([TraceRow(traced(problem, "other"), "kept")])
            store.add_traces([TraceRow(traced(problem), "kept")], paid=True)
    assert store.counts()["kept"] == 6


def test_what_is_stored_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with Store(tmp_path / "deep" / "er" / "a b?#%.db") as store:
        store.add_problems("s", [JUGS])
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["a b?#%.db"]
    with Store(tmp_path / "deep" / "er" / "a b?#%.db", read_only=True) as store:
        assert list(store.problems("s")) == [JUGS]


@pytest.mark.parametrize(
    ("find", "sentence", "hint"),
    [
        ("problem", "no problem `feed` in the store", "see `socli problems SET`"),
        ("trace", "no trace `feed` in the store", "see `socli traces list`"),
        ("run", "no run `feed` in the store", "see `socli runs list`"),
        ("bench", "no bench `feed` in the store", "see `socli benches`"),
    ],
)
def test_an_unknown_id_is_a_sentence_with_a_hint(tmp_path: Path, find: str, sentence: str, hint: str) -> None:
    with Store(tmp_path / "socli.db") as store:
        with pytest.raises(MissingError) as caught:
            getattr(store, find)("feed")
        assert (str(caught.value), caught.value.hint) == (sentence, hint)
        with pytest.raises(MissingError):
            getattr(store, find)("")


def test_a_beginning_that_fits_several_ids_names_some(store: Store) -> None:
    ids = sorted(problem.id for problem in (Problem(f"{n}?") for n in range(40)))
    store.add_problems("many", (Problem(f"{n}?") for n in range(40)))
    first = next(a[0] for a, b in pairwise(ids) if a[0] == b[0])
    with pytest.raises(UsageError, match=f"`{first}` is the beginning of more than one problem") as caught:
        store.problem(first)
    assert caught.value.hint is not None
    assert f"for example `{first}" in caught.value.hint


def test_t21_sql_in_names_and_texts_is_only_text(store: Store) -> None:
    before = schema(store._file.connection)
    evil = "x'; DROP TABLE problems; --\"`] UNION SELECT 1"
    problem = Problem(evil, gold=evil, source=evil, context=evil)
    trace = replace(traced(problem), teacher=evil, prompt_hash=evil, answer=evil, steps=(Step(evil, evil),))
    store.add_problems(evil, [problem])
    store.add_traces([TraceRow(trace, "kept", evil, evil, evil)])
    assert list(store.problems(evil)) == [problem]
    assert list(store.kept(evil, evil, evil)) == [(problem, trace)]
    assert store.traced(trace) == {problem.id}
    for find in (store.problem, store.trace, store.run, store.bench):
        with pytest.raises(MissingError):
            find(evil)
        with pytest.raises(MissingError):
            find("%")
    assert schema(store._file.connection) == before
    assert store.counts()["problems"] == 4


def test_t12_nul_and_lone_surrogates_are_stored_as_replacement_characters(store: Store) -> None:
    bad = Problem("Why \ud800?\0 more", gold="\udfff", source="\0", context="a\0b")
    store.add_problems("bad\udc80", [bad])
    (back,) = store.problems("bad\udc80")
    assert back == Problem("Why \ufffd?\ufffd more", gold="\ufffd", source="\ufffd", context="a\ufffdb")
    assert store.problem(back.id) == back
    trace = replace(traced(back), steps=(Step("\ud83d", "\0"),), answer="\0")
    store.add_traces([TraceRow(trace, "kept", reply="{\0\ud800}")])
    assert store.trace(trace.id).trace == replace(trace, steps=(Step("\ufffd", "\ufffd"),), answer="\ufffd")
    assert store.trace(trace.id).reply == "{\ufffd\ufffd}"
    with pytest.raises(MissingError):
        store.run("\udcff")
    assert store.check() == []


text = st.text(st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=60, deadline=None)
@given(question=text, context=text, answers=st.lists(text, max_size=3), temperature=st.floats(0, 2))
def test_t12_any_text_comes_back_as_it_was_but_for_what_cannot_be_stored(
    shared: Store, question: str, context: str, answers: list[str], temperature: float
) -> None:
    problem = Problem(storable(question), gold=storable(context), context=storable(context))
    shared.add_problems(question, [Problem(question, gold=context, context=context)])
    assert problem in list(shared.problems(question))
    steps = tuple(Step(answer, question) for answer in answers)
    trace = Trace(problem.id, steps, context, "t", prompt_hash=storable(context), temperature=temperature)
    if shared.add_traces([TraceRow(trace, "kept", reply=question)]):
        row = shared.trace(trace.id)
        assert [step.question for step in row.trace.steps] == [storable(answer) for answer in answers]
        assert (row.reply, row.trace.temperature) == (storable(question), temperature)


def test_reading_a_store_loads_neither_sqlite_utils_nor_what_it_loads(store: Store) -> None:
    code = (
        "import sys, pathlib; from socli.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1])) as store: print(store.counts()['problems'])\n"
        "print(sorted({'sqlite_utils', 'pandas', 'numpy', 'rich', 'typer', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n[]\n"


# search and funnel


def refused(problem: Problem, reason: str, **asked: object) -> TraceRow:
    return TraceRow(traced(problem, **asked), "refused" if reason else "kept", reason)  # type: ignore[arg-type]


def test_traces_are_found_by_reason_teacher_and_set(store: Store) -> None:
    store.add_problems("other:test", [TAXI])
    rows = [
        refused(JUGS, "wrong arithmetic at step 1", teacher="a"),
        refused(JUGS, "wrong arithmetic at step 12", teacher="b"),
        refused(TAXI, "it has no steps", teacher="b"),
        refused(TAXI, "", teacher="a"),
    ]
    store.add_traces(rows)

    def found(**asked: object) -> list[int]:
        return [[r.trace.id for r in rows].index(row.trace.id) for row in store.traces(**asked)]  # type: ignore[arg-type]

    assert found(reason="wrong-arithmetic") == [1, 0]
    assert found(reason="misfit") == [2]
    assert found(reason="other") == []
    assert found(teacher="a") == [3, 0]
    assert found(set_name="other:test") == [3, 2]
    assert found(set_name="mine:train", teacher="b", reason="wrong-arithmetic", verdict="refused") == [1]
    assert found(limit=1, reason="wrong-arithmetic") == [1]


def test_traces_are_found_by_words_of_question_and_steps(store: Store) -> None:
    store.add_traces([TraceRow(traced(JUGS), "kept"), TraceRow(traced(TAXI), "kept")])
    silent = replace(traced(OPEN), steps=())
    store.add_traces([TraceRow(silent, "refused", "unreadable", reply="What a LOVELY day")])
    assert [row.trace.problem_id for row in store.traces(words="kim JUG")] == [JUGS.id]
    assert [row.trace.problem_id for row in store.traces(words="litre")] == [TAXI.id, JUGS.id]
    assert [row.trace.problem_id for row in store.traces(words="lovely")] == [OPEN.id]
    assert list(store.traces(words="jugs snail")) == []
    store.add_traces([TraceRow(traced(JUGS), "kept")])
    assert len(list(store.traces(words="jugs"))) == 1


@pytest.mark.parametrize(
    "words",
    ['"', "a OR b", "NEAR(a b)", "trace:x", "a*", "-a", "^a", "(", "a AND", "x'; DROP TABLE t", "é\0"],
)
def test_t21_a_search_is_words_and_no_query(store: Store, words: str) -> None:
    store.add_traces([TraceRow(traced(JUGS), "kept")])
    if words in {'"', "("}:
        with pytest.raises(UsageError, match="there is no word to look for"):
            list(store.traces(words=words))
    else:
        assert list(store.traces(words=words)) == []


def test_the_funnel_counts_each_stage(store: Store) -> None:
    reasons = [
        "", "", "duplicate of ab12", "it has no steps", "wrong arithmetic at step 2", "wrong answer",
        "answer leaked into the sub-question of step 1", "unreadable", "truncated", "truncated",
        "refused by the teacher", "no reply: HTTP 503",
    ]  # fmt: skip
    store.add_traces([refused(JUGS, reason, sample=n) for n, reason in enumerate(reasons)])
    store.add_traces([refused(TAXI, "", teacher="x")])
    told = store.funnel("mine:train", "reference")
    stages = (told.problems, told.asked, told.answered, told.read, told.right, told.right_steps, told.kept)
    assert stages == (3, 12, 8, 7, 6, 3, 2)
    assert told.right_answer_wrong_steps == 2
    assert next(iter(told.reasons.items())) == ("truncated", 2)
    assert sum(told.reasons.values()) + told.kept == told.asked
    assert store.funnel().asked == 13
    nothing = store.funnel("no:set")
    assert (nothing.problems, nothing.asked, nothing.reasons) == (0, 0, {})
