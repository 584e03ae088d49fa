"""socli rescore"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Process, Socli, Terminal, jsonl

TEXTS = ["The answer is 18...", "#### 18", "#### 7", "18 eggs for 2 days"]
ROWS = [{"question": f"{n}?", "answer": "18", "response": text} for n, text in enumerate(TEXTS)]


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(jsonl(tmp_path / "said.jsonl", ROWS))


def test_each_text_is_read_again_by_every_extractor(socli: Socli, file: str, home: Path) -> None:
    done = socli("rescore", file)
    assert done.code == 0
    assert [row["number"] for row in done.rows] == [1, 2, 3, 4]
    assert done.rows[0]["found"]["socli"] == {"answer": "18", "right": True}
    assert done.rows[0]["found"]["lm-eval-flexible"] == {"answer": "18...", "right": False}
    assert done.told[0] == f"{file}: the extractors differ on 1"
    assert [line.split()[:3] for line in done.told[2:4]] == [["socli", "2", "4"], ["strict", "1", "4"]]
    assert not home.exists()


def test_only_what_they_do_not_agree_on_is_listed_where_asked(socli: Socli, file: str) -> None:
    done = socli("rescore", file, "--extractors", "socli,strict", "--disagree", "--json")
    assert [row["text"] for row in done.rows] == ["The answer is 18..."]
    (summary,) = json.loads(done.told[-1])["scored"]
    assert (summary["name"], summary["differ"]) == (file, 1)
    assert [(row["extractor"], row["right"], row["n"]) for row in summary["extractors"]] == [
        ("socli", 2, 4),
        ("strict", 1, 4),
    ]


def test_stdin_is_read_and_bad_lines_are_named(socli: Socli) -> None:
    done = socli("rescore", "-", "--extractors", "socli", input=f"{json.dumps(ROWS[1])}\n?\n")
    assert done.code == 0
    assert len(done.rows) == 1
    assert done.told[0] == "left out: stdin line 2 is not JSON: Expecting value at column 1"


@pytest.mark.parametrize("input", ["", "\n\n"])
def test_t25_empty_input_gives_empty_numbers(input: str, socli: Socli) -> None:
    done = socli("rescore", "-", "--extractors", "socli", "--json", input=input)
    assert done.code == 0
    (summary,) = json.loads(done.told[-1])["scored"]
    assert summary["extractors"][0] == {
        "extractor": "socli",
        "n": 0,
        "right": 0,
        "accuracy": None,
        "low": 0.0,
        "high": 1.0,
        "nothing_found": 0.0,
    }


def test_the_benches_of_a_run_are_read_again_each_on_its_own(socli: Socli, trained: Path, four: Path) -> None:
    socli("bench", str(four))
    socli("bench", str(four), "--no-calculator")
    done = socli("rescore", "by-heart", "--extractors", "socli,strict", "--json")
    assert done.code == 0
    without, with_ = json.loads(done.told[-1])["scored"]
    assert without["name"].endswith(f"on {four.name}, calculator off")
    assert with_["name"].endswith(f"on {four.name}, calculator on")
    assert {row["right"] for row in with_["extractors"]} == {4}
    assert len(done.rows) == 8


def test_an_extractor_is_one_of_a_closed_set(socli: Socli, file: str) -> None:
    done = socli("rescore", file, "--extractors", "socli,guess")
    assert done.code == 2
    assert done.told[0] == "error: there is no extractor `guess`"
    assert "lm-eval-strict" in done.told[1]


def test_t17_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    many = jsonl(tmp_path / "many.jsonl", ROWS * 2_000)
    script = f"{sys.executable} -m socli rescore {many} --extractors socli | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["number"] == 1


def test_a_terminal_shows_what_differs_to_be_read(terminal: Callable[..., Terminal], file: str) -> None:
    shown = terminal("rescore", file, "--extractors", "socli,strict", "--disagree")
    assert shown.end() == 0
    assert "socli '18' right, strict None wrong" in " ".join(" ".join(shown.rows()).split())


def test_ctrl_c_ends_it_with_a_sentence(start: Callable[..., Process]) -> None:
    going = start("rescore", "-", "--extractors", "socli")
    going.type(json.dumps(ROWS[0]) + "\nnonsense\n")
    going.read_until("Expecting value at column 1\n")
    going.send(signal.SIGINT)
    done = going.end()
    assert (done.code, done.told[-1]) == (130, "stopped")
