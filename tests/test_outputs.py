"""Rows that bring an answer: of any tool, or from the store."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from doubles import PROBLEMS

from socli.errors import MissingError
from socli.events import Noted
from socli.problem import FinishReason, Prediction, Problem, Scorecard, Step
from socli.records import BenchPlan, RunPlan
from socli.scoring.outputs import (
    NAMED,
    Output,
    Skipped,
    benches,
    brings,
    is_file,
    judged,
    outputs,
    steps_of,
    stored,
)
from socli.sources import Fields
from socli.store import Store

DATA = os.environ.get("SOCLI_DATA", "")  # before the suite hides it from the tests
FIELDS = Fields()
NORA = PROBLEMS[0]


def read(rows: Iterable[Any], fields: Fields = FIELDS) -> tuple[list[Output], list[str]]:
    """The outputs of rows, or of lines as they are, and what was noted."""
    lines = [row if isinstance(row, bytes | str) else json.dumps(row).encode() for row in rows]
    found = list(outputs(lines, "x", fields, Skipped()))
    notes = [row.text for row in found if isinstance(row, Noted)]
    return [row for row in found if isinstance(row, Output)], notes


def verdict(row: dict[str, Any], fields: Fields = FIELDS) -> tuple[str | None, bool | None, str]:
    """Answer, right or wrong, and finish reason of one row."""
    (output,), notes = read([{"question": "?", "answer": "18"} | row], fields)
    assert notes == []
    made = judged(output)
    return made.answer, made.correct, made.finish_reason


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prediction": "$18.00"}, ("18", True, "answered")),
        ({"prediction": 18}, ("18", True, "answered")),
        ({"prediction": "18 or 19"}, (None, False, "unreadable")),
        ({"prediction": None}, (None, False, "unreadable")),
        ({"prediction": None, "text": "it is 18"}, (None, False, "unreadable")),
        ({"prediction": "7", "response": "#### 18"}, ("7", False, "answered")),
        ({"prediction": "3*6 = 18\n#### 18"}, ("18", True, "answered")),
        ({"response": "The answer is 18, I think."}, ("18", True, "answered")),
        ({"text": "The answer is 18, I think."}, ("18", True, "answered")),
        ({"response": ""}, (None, False, "unreadable")),
        ({"response": "It is 18", "finish_reason": "length"}, (None, False, "truncated")),
        ({"response": "It is 18", "finish_reason": "stop"}, ("18", True, "answered")),
        ({"response": "It is 18", "finish_reason": "too many steps"}, (None, False, "too many steps")),
        ({"prediction": "18", "finish_reason": "length"}, ("18", True, "truncated")),
        ({"prediction": "18", "answer": None}, ("18", None, "answered")),
        ({"prediction": "18", "answer": "She has 9*2 = 18.\n#### 18"}, ("18", True, "answered")),
        ({"prediction": True, "answer": True}, ("yes", True, "answered")),
        ({"correct": True, "answer": None}, (None, True, "answered")),
        ({"prediction": "18", "correct": False}, ("18", True, "answered")),
    ],
)
def test_a_row_is_judged_by_what_it_brings(
    row: dict[str, Any], expected: tuple[str | None, bool | None, FinishReason]
) -> None:
    assert verdict(row) == expected


def test_a_row_that_answers_nothing_is_left_out() -> None:
    assert read([{"question": "?", "answer": "18"}]) == (
        [],
        ["left out: x line 1 has no `prediction`, `response` or `correct`"],
    )


def test_other_field_names_are_read_and_a_question_called_text_is_no_response() -> None:
    (output,), _ = read([{"text": "How many?", "label": "18", "prediction": "18"}], Fields("text", "label"))
    assert (output.problem.question, output.problem.gold, output.text) == ("How many?", "18", None)


def test_a_row_without_a_question_goes_by_its_id() -> None:
    (one, other), _ = read([{"id": 7, "prediction": "1"}, {"prediction": "1"}])
    assert (one.id, one.asked, one.problem.question) == ("7", False, "7")
    assert (other.id, other.asked, other.problem.question) == (None, False, "row 2")


def test_lm_evals_sample_logs_are_read_each_sample_once() -> None:
    doc = {"question": "How many?", "answer": "9*2 = <<9*2=18>>18\n#### 18"}
    row = {"doc_id": 3, "doc": doc, "target": doc["answer"], "resps": [["It is 18"]], "exact_match": 0.0}
    found, notes = read([row | {"filter": name} for name in ("strict-match", "flexible-extract")])
    assert notes == []
    assert [(output.id, output.text, judged(output).correct) for output in found] == [("3", "It is 18", True)]


def test_what_brings_an_answer_needs_no_model() -> None:
    assert brings({"prediction": None})
    assert brings({"question": "?", "response": "18"})
    assert not brings({"question": "?", "answer": "18", "text": "said"})
    assert not brings(["prediction"])


def test_t25_bad_lines_are_named_by_number_and_the_rest_goes_on() -> None:
    good = {"question": "?", "answer": "18", "prediction": "18"}
    lines = [
        b"\xef\xbb\xbf" + json.dumps(good).encode(),
        b"\n",
        b"not json\n",
        b'{"question": "?", "answer": "18", "prediction": "\xff"}\n',
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b'{"question": "?", "prediction": ' + b"1" * 5_000 + b"}\n",
        {**good, "answer": "many"},
        {**good, "prediction": ["18"]},
        {**good, "response": 18},
        good,
    ]
    found, notes = read(lines)
    assert [output.number for output in found] == [1, 11]
    assert notes == [
        "left out: x line 3 is not JSON: Expecting value at column 1",
        "left out: x line 4 is not UTF-8: byte 49 of it is 0xff",
        "left out: x line 5 is not an object",
        "left out: x line 6 is nested too deeply",
        "left out: x line 7 is not JSON: a number is too long",
        "left out: x line 8: the answer `many` cannot be read as a number",
        "left out: x line 9 has a `prediction` that is neither text nor a number",
        "left out: x line 10 has a `response` that is not text",
    ]


def test_t25_many_bad_lines_are_counted_and_the_first_named() -> None:
    skipped = Skipped()
    notes = [row.text for row in outputs([b"?\n"] * 1_000, "x", Fields(), skipped) if isinstance(row, Noted)]
    assert skipped.count == 1_000
    assert len(notes) == NAMED + 1
    assert notes[-1] == "left out: 1,000 lines of x, of which the first 10 are named"


def test_t25_empty_input_and_values_that_are_no_numbers() -> None:
    assert read([]) == ([], [])
    assert verdict({"prediction": float("nan")}) == (None, False, "unreadable")
    _, notes = read([{"question": "?", "answer": float("nan"), "prediction": "1"}])
    assert notes == ["left out: x line 1: the answer `nan` cannot be read as a number"]


def test_t25_a_line_of_ten_megabytes_is_read() -> None:
    row = {"question": "?", "answer": "18", "response": "so " * 3_500_000 + "\n#### 18"}
    (output,), _ = read([row])
    assert judged(output).correct is True


def test_steps_are_read_from_labels_or_lines() -> None:
    assert steps_of("Ask: How many?\nWork: 3*4 = 12\n#### 12") == (Step("How many?", "3*4 = 12"),)
    assert steps_of("3*4 = 12\n\n12-2 = 10\n#### 10\n") == (Step("", "3*4 = 12"), Step("", "12-2 = 10"))
    assert steps_of("") == ()


def test_a_name_is_a_file_where_one_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    assert is_file(str(tmp_path / "a.jsonl"))
    assert is_file("-")
    assert not is_file("gsm8k")
    with pytest.raises(MissingError, match=r"there is no file b\.jsonl"):
        is_file("b.jsonl")


# the store


def predicted(problem: Problem, answer: str | None, text: str = "", **more: Any) -> Prediction:
    correct = None if problem.gold is None else answer == problem.gold
    return Prediction(problem.id, (), answer, correct, more.get("reason", "answered"), True, 9, 0.1, text)


def bench(store: Store, set_name: str, *, done: bool = True, **plan: Any) -> str:
    """A bench of two problems, the first right; its id."""
    row = store.start_bench(
        BenchPlan(**{"model": "m", "set": set_name, "calculator": True, "settings": {}} | plan)
    )
    store.add_problems(set_name, PROBLEMS[:2])
    store.add_predictions(
        row.id, [(1, predicted(NORA, "40", "#### 40")), (2, predicted(PROBLEMS[1], None, "?"))]
    )
    if done:
        card = Scorecard(set_name, "m", True, 2, 1, 0.5, 0.1, 0.9, 0.5, 0.0, 18, 0.2)
        store.finish_bench(row.id, card)
    return row.id


def run(store: Store, name: str = "mine", **recipe: Any) -> str:
    plan = RunPlan(
        name=name, recipe=recipe, seed=0, scheme="socratic", roles="unified", base="b", versions={}
    )
    return store.finish_run(store.start_run(plan).id, "done").id


def test_what_the_store_holds_comes_back_with_its_problems(store: Store) -> None:
    row = store.bench(bench(store, "s"))
    first, second = stored(store, row)
    assert (first.number, first.problem.gold, first.text, first.answer) == (1, "40", "#### 40", "40")
    assert (second.correct, second.calculator, second.finish_reason) == (False, True, "answered")


def test_a_run_stands_for_the_newest_bench_of_each_set_and_calculator_setting(store: Store) -> None:
    id = run(store)
    bench(store, "s steps 1-3 seed 0", run=id)
    newer = bench(store, "s steps 1-3 seed 0", run=id)
    without = bench(store, "s steps 1-3 seed 0", run=id, calculator=False)
    other = bench(store, "t", run=id)
    bench(store, "t", run=id, done=False)
    assert [row.id for row in benches(store, "mine")] == [other, without, newer]
    assert [row.id for row in benches(store, id[:4], ["s"], calculator=True)] == [newer]
    assert [row.id for row in benches(store, newer)] == [newer]


def test_a_look_at_a_few_problems_does_not_replace_what_the_recipe_asks_for(store: Store) -> None:
    id = run(store, bench={"limit": 4, "max_tokens": 64})
    asked = bench(store, "s", run=id, settings={"limit": 4, "max_tokens": 64})
    whole = bench(store, "s", run=id, settings={"limit": None, "max_tokens": 99})
    bench(store, "s", run=id, settings={"limit": 200, "max_tokens": 64})
    assert [row.id for row in benches(store, id)] == [asked]
    older = run(store, "older")
    for settings in ({"limit": None}, {"limit": 200}):
        bench(store, "s", run=older, settings=settings)
    assert [row.settings["limit"] for row in benches(store, older)] == [None]
    assert whole not in [row.id for row in benches(store, id)]


def test_a_model_that_was_never_trained_stands_for_its_benches(store: Store) -> None:
    found = bench(store, "s", model="smollm2-135m")
    assert [row.id for row in benches(store, "smollm2-135m")] == [found]


def test_t3_a_bench_that_is_not_done_is_partial_and_gives_no_accuracy(store: Store) -> None:
    id = run(store)
    part = bench(store, "s", run=id, done=False)
    for name, whose in (("mine", rf" of run {id} \(.*\)"), (part, "")):
        told = rf"^bench {part}{whose} on s is partial: 2 problems are scored"
        with pytest.raises(MissingError, match=told):
            benches(store, name)


def test_a_name_without_a_bench_is_refused_with_what_there_is(store: Store) -> None:
    id = run(store)
    with pytest.raises(MissingError, match="has no finished bench") as none:
        benches(store, "mine")
    assert none.value.hint == "socli bench --run mine SET"
    bench(store, "s", run=id)
    with pytest.raises(MissingError, match="has no finished bench on t") as other:
        benches(store, "mine", ["t"])
    assert other.value.hint == "it was scored on s"
    with pytest.raises(MissingError, match="no run `nothing` in the store"):
        benches(store, "nothing")


@pytest.mark.skipif(not DATA, reason="SOCLI_DATA does not name a folder with GSM8K")
@pytest.mark.parametrize("key", ["prediction", "response"])
def test_gsm8ks_own_solutions_are_all_right(key: str) -> None:
    rows = [json.loads(line) for line in (Path(DATA) / "gsm8k/test.jsonl").read_text("utf-8").splitlines()]
    found, notes = read([{**row, key: row["answer"]} for row in rows])
    assert notes == []
    assert sum(judged(output).correct is True for output in found) == len(found) == 1_319
