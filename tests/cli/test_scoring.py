"""Rows that were scored without a model, as commands print them."""

import io
import json

import pytest
from doubles import PROBLEMS

from socli.cli import scoring
from socli.scoring.outputs import Output
from socli.scoring.score import score
from socli.screen.live import Screen

TEXT = "Ask: How many?\nWork: She packs 4*12 = <<4*12=50>>50.\n#### 40"


def test_predictions_go_to_stdout_and_all_else_to_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    told = io.StringIO()
    rows = [Output(1, PROBLEMS[0], None, True, None, TEXT, calculator=False, tokens=7)]
    with Screen("plain", told) as screen:
        (card,) = scoring.follow(score(rows, None, set_name="x.jsonl", model="theirs"), screen)
    assert (card.n, card.correct) == (1, 1)
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "id": PROBLEMS[0].id,
        "set": "x.jsonl",
        "number": 1,
        "question": PROBLEMS[0].question,
        "answer": "40",
        "prediction": "40",
        "correct": True,
        "wrong_step": 0,
        "finish_reason": "answered",
        "calculator": False,
        "tokens": 7,
        "text": TEXT,
    }
    assert said.err == "1 of 1 right answers rest on a wrong equation\n"
    assert "x.jsonl with theirs: 100.0 % right of 1" in told.getvalue()


def test_signs_that_no_encoding_has_are_written_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    write = scoring.line_writer()
    write({"text": "½ \x1b[2J \u202e"})
    assert json.loads(capsys.readouterr().out) == {"text": "½ \x1b[2J \u202e"}
