"""socli compare"""

import json
from pathlib import Path

import pytest
from command_line import Socli, jsonl


def side(folder: Path, name: str, right: int, of: int = 300, offset: int = 0) -> str:
    """A file in which problems `offset` and up to `right` more are right; its name."""
    made = [
        {
            "question": f"What is {n} + 0?",
            "answer": n,
            "prediction": n if offset <= n < offset + right else -1,
        }
        for n in range(of)
    ]
    return str(jsonl(folder / f"{name}.jsonl", made))


def test_a_better_file_is_called_so_with_flips_and_numbers(socli: Socli, tmp_path: Path, home: Path) -> None:
    a, b = side(tmp_path, "a", 30), side(tmp_path, "b", 60)
    done = socli("compare", a, b, "--flips", "1")
    assert done.code == 0
    first, second, heading, flip, sentence = done.lines
    assert first.split("\t")[1:] == ["file", "not said", "30", "300", "10.0 %", "0", "0"]
    assert second.split("\t")[1:] == ["file", "not said", "60", "300", "20.0 %", "30", "0"]
    assert heading == f"only {b} is right on 30:"
    assert flip == "30, the other -1: What is 30 + 0?"
    assert sentence.startswith(f"{b} is better than {a}: 20.0 % against 10.0 % on 300 problems, +10.0 points")
    assert done.err == ""
    assert not home.exists()  # files alone need no store


def test_json_holds_every_number(socli: Socli, tmp_path: Path) -> None:
    a, b, c = (side(tmp_path, name, right) for name, right in (("a", 60), ("b", 55), ("c", 30)))
    done = socli("compare", a, b, c, "--json", "--flips", "2")
    (row,) = done.rows
    one, other = row["comparisons"]
    assert one["pairs"] == {
        "both": 55,
        "first": 5,
        "second": 0,
        "neither": 240,
        "n": 300,
        "discordance": 5 / 300,
    }
    assert (one["verdict"], other["verdict"], one["together"]) == ("cannot tell", "worse", 2)
    assert one["p"] == 0.0625
    assert one["corrected"] == 0.0625
    assert len(other["lost"]) == 2
    assert other["won"] == []
    assert one["problems_needed"] > 300
    assert "cannot tell" in one["sentence"]


@pytest.mark.parametrize(("right", "code"), [(30, 4), (59, 0), (90, 0)])
def test_a_gate_holds_unless_something_is_significantly_worse(
    right: int, code: int, socli: Socli, tmp_path: Path
) -> None:
    a, b = side(tmp_path, "a", 60), side(tmp_path, "b", right)
    done = socli("compare", a, b, "--gate")
    assert done.code == code
    assert ("error: " in done.err) == (code == 4)
    assert (f"{b} is worse than {a}" in done.err) == (code == 4)
    assert socli("compare", a, b).code == 0


def test_runs_are_compared_and_a_run_with_a_file(
    socli: Socli, trained: Path, four: Path, tmp_path: Path
) -> None:
    benched = socli("bench", str(four))
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text(benched.out, encoding="utf-8")
    done = socli("compare", "by-heart", str(predictions), "--json")
    assert done.code == 0
    (found,) = done.rows[0]["comparisons"]
    assert found["pairs"]["both"] == found["pairs"]["n"] == 4
    assert found["calculators"] == [True, True]
    assert found["set"] == str(four)
    assert socli("compare", "by-heart", "by-heart").code == 0


def test_the_calculator_is_never_mixed_in_silence(
    socli: Socli, trained: Path, four: Path, tmp_path: Path
) -> None:
    files = []
    for flag in ("--calculator", "--no-calculator"):
        files.append(tmp_path / f"{flag}.jsonl")
        files[-1].write_text(socli("bench", str(four), flag).out, encoding="utf-8")
    done = socli("compare", str(files[0]), str(files[1]))
    assert done.told == [f"{files[0]} had the calculator and {files[1]} had not: both are compared here"]


def test_bad_lines_are_named_and_the_rest_is_compared(socli: Socli, tmp_path: Path) -> None:
    a, b = side(tmp_path, "a", 5, 10), side(tmp_path, "b", 5, 10)
    with Path(b).open("a", encoding="utf-8") as file:
        file.write("nonsense\n")
    done = socli("compare", a, b)
    assert done.code == 0
    assert done.told == [f"left out: {b} line 11 is not JSON: Expecting value at column 1"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nothing.jsonl", "b"], 3, "there is no file nothing.jsonl"),
        (["nobody", "b"], 3, "no run `nobody` in the store"),
        (["one"], 2, "Missing argument"),
    ],
)
def test_what_is_not_there_is_a_sentence(words: list[str], code: int, message: str, socli: Socli) -> None:
    done = socli("compare", *words)
    assert done.code == code
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_t11_hostile_answers_are_shown_harmless(socli: Socli, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07[red]x[/red]"
    a = jsonl(
        tmp_path / "a.jsonl",
        [{"id": n, "correct": True, "prediction": evil, "answer": "7"} for n in range(9)],
    )
    b = jsonl(tmp_path / "b.jsonl", [{"question": evil, "id": n, "correct": False} for n in range(9)])
    done = socli("compare", str(a), str(b))
    assert done.code == 0
    assert "\x1b" not in done.out
    assert json.loads(socli("compare", str(a), str(b), "--json").out)
