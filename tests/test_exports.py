"""Kept traces leave as JSON lines that other trainers read, with a card that says whose text they are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import PROBLEMS

from socli.check import Funnel
from socli.errors import StorageError, UsageError
from socli.exports import Format, card, card_of, rows, save
from socli.problem import Problem, Step, Trace
from socli.scheme import Scheme, lessons

CANDLES = replace(PROBLEMS[0], source="gsm8k:train")
TRACE = Trace(CANDLES.id, CANDLES.steps, "40", "some/model", "ab12", 0.7, 0.9, 3)
SPLIT = Scheme("socratic", "split")
FUNNEL = Funnel(4, 5, 4, 3, 3, 2, 1, 1, {"truncated": 1, "wrong-arithmetic": 1})
HEAD = "Problem: Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?\n"


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_whole_trace_says_all_that_is_known_of_it() -> None:
    (row,) = rows(CANDLES, TRACE, Scheme(), "jsonl")
    assert row == {
        "id": TRACE.id, "problem": CANDLES.id, "question": CANDLES.question, "context": "", "gold": "40",
        "kind": "number", "source": "gsm8k:train", "answer": "40", "teacher": "some/model",
        "prompt_hash": "ab12", "temperature": 0.7, "top_p": 0.9, "seed": 3, "sample": 0,
        "steps": tuple({"question": step.question, "text": step.text} for step in CANDLES.steps),
    }  # fmt: skip


def test_one_student_is_one_question_and_one_answer() -> None:
    (row,) = rows(CANDLES, TRACE, Scheme(), "chat")
    asked, told = row["messages"]
    assert (row["role"], asked) == ("student", {"role": "user", "content": HEAD})
    assert told["role"] == "assistant"
    assert told["content"].startswith("Ask: How many candles does Nora pack?\nWork: She packs 4*12 =")
    assert told["content"].endswith("\n#### 40")


@pytest.mark.parametrize("form", [Scheme("answer"), Scheme("cot"), Scheme(), SPLIT])
def test_joined_messages_are_the_transcript_and_roles_take_turns(form: Scheme) -> None:
    told = list(rows(CANDLES, TRACE, form, "chat"))
    assert len(told) == len(lessons(CANDLES, TRACE, form))
    for row, lesson in zip(told, lessons(CANDLES, TRACE, form), strict=True):
        joined = "".join(message["content"] for message in row["messages"])
        assert joined == "".join(span.text for span in lesson.spans)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"] * (
            len(row["messages"]) // 2
        )


def test_trl_learns_what_the_lessons_learn() -> None:
    told = list(rows(CANDLES, TRACE, SPLIT, "trl"))
    assert [(row["role"], row["completion"]) for row in told] == [
        ("decomposer", "Ask: How many candles does Nora pack?\n"),
        ("decomposer", "Ask: How many candles does she sell?\n"),
        ("decomposer", ""),
        ("solver", " She packs 4*12 = <<4*12=48>>48 candles.\n"),
        ("solver", " She sells 48-8 = <<48-8=40>>40 candles.\n"),
        ("solver", " 40"),
    ]
    assert told[0]["prompt"] == HEAD
    assert told[2]["prompt"].endswith("<<48-8=40>>40 candles.\n")


@pytest.mark.parametrize("format", ["jsonl", "chat", "trl"])
def test_hostile_text_is_one_line_of_json(format: Format, tmp_path: Path) -> None:
    evil = "=cmd|' /C calc'!A0\ud800\u2028\x00\r\n</script>"
    problem = Problem(evil, "1", source=evil)
    trace = Trace(problem.id, (Step(evil, evil),), "1", evil)
    save(tmp_path / "x.jsonl", [(problem, trace)], Scheme(), format)
    raw = (tmp_path / "x.jsonl").read_bytes()
    assert raw.count(b"\n") == len(written(tmp_path / "x.jsonl"))
    assert "\u2028".encode() not in raw
    assert "\ufffd" in raw.decode("utf-8")


def test_what_does_not_fit_the_scheme_is_left_out_and_counted(tmp_path: Path) -> None:
    bare = replace(TRACE, steps=(Step("", "40"),), sample=1)
    tally = save(tmp_path / "a.jsonl", [(CANDLES, TRACE), (CANDLES, bare)], Scheme(), "chat")
    assert (tally.traces, tally.rows, len(tally.problems)) == (1, 1, 1)
    tally = save(tmp_path / "b.jsonl", [(CANDLES, TRACE), (CANDLES, bare)], Scheme(), "jsonl")
    assert (tally.traces, tally.rows, len(tally.problems)) == (2, 2, 1)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for there in (path, card_of(path)):
        there.write_text("mine")
        with pytest.raises(UsageError, match="is there already"):
            save(path, [(CANDLES, TRACE)], Scheme(), "jsonl")
        assert there.read_text() == "mine"
        there.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken():
        yield CANDLES, TRACE
        raise StorageError("the store is gone")

    with pytest.raises(StorageError, match="the store is gone"):
        save(tmp_path / "a.jsonl", broken(), Scheme(), "jsonl")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageError, match="cannot write"):
        save(tmp_path / "no" / "a.jsonl", [(CANDLES, TRACE)], Scheme(), "jsonl")


def test_the_card_says_source_licence_teacher_prompt_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    own = replace(TRACE, teacher="reference", prompt_hash="ffff")
    pairs = [(CANDLES, TRACE), (CANDLES, own), (replace(CANDLES, source="mine.csv"), TRACE)]
    text = card(path, "gsm8k:train", SPLIT, "trl", save(path, pairs, SPLIT, "trl"), FUNNEL)
    for line in (
        "# `a.jsonl`",
        "- Rows: 18",
        "- Traces: 3",
        "- Problems: 1",
        "- Scheme: socratic, split",
        "- `gsm8k:train`: 2 traces; licence of the problems: MIT",
        "- `mine.csv`: 1 traces; licence not known: ask whoever made the problems",
        "- `reference`: 1 traces, the data set's own steps, under its licence",
        "| right answer, wrong steps | 1 |",
        "| refused: truncated | 1 |",
    ):
        assert line in text.splitlines()
    assert "- `some/model`: 2 traces, prompt `ab12`, temperature 0.7, top_p 0.9, seed 3; " in text


@pytest.mark.parametrize("evil", ["`` ` | <img src=x> [a](http://x)", "a\n# b\n", "\x1b[2J\u202e\ud800", ""])
def test_names_cannot_write_markdown(evil: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    pairs = [(replace(CANDLES, source=evil), replace(TRACE, teacher=evil, prompt_hash=evil))]
    text = card(path, evil, Scheme(), "jsonl", save(path, pairs, Scheme(), "jsonl"), FUNNEL)
    assert not set(text) & set("\x1b\u202e\ud800")
    for line in text.splitlines():
        assert line.count("`") % 2 == 0
        assert "<img" not in "".join(line.split("`")[::2])
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# `a.jsonl`", "## Sources and licences", "## Teachers", "## Checks",
    ]  # fmt: skip
