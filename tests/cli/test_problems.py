"""`socli problems`: the problems of any set or file, as trees or as JSONL."""

import re
from pathlib import Path

import pytest
from command_line import Socli, jsonl


def test_json_rows_have_question_answer_and_steps_with_their_marks(socli: Socli) -> None:
    done = socli("problems", "stories:test", "--limit", "20", "--json")
    assert (done.code, done.err, len(done.rows)) == (0, "", 20)
    for row in done.rows:
        assert list(row) == ["id", "question", "answer", "kind", "context", "source", "steps"]
        assert row["question"]
        assert row["source"] == "stories:test"
        assert all(
            step["question"] and re.search(r"<<[^<>=]+=[^<>=]+>>", step["text"]) for step in row["steps"]
        )
        assert f"={row['answer']}>>" in row["steps"][-1]["text"]


def test_ten_are_shown_as_trees_where_nothing_else_is_asked_for(socli: Socli) -> None:
    done = socli("problems", "stories:train", "--steps", "2", "--seed", "3")
    assert done.code == 0
    assert sum(line.startswith("└── Answer: ") for line in done.lines) == 10
    assert sum(line.startswith("├── ") for line in done.lines) == 20
    assert socli("problems", "stories:train", "--steps", "2", "--seed", "3").out == done.out
    assert socli("problems", "stories:train", "--steps", "2", "--seed", "4").out != done.out


def test_a_tree_shows_each_steps_verdict(socli: Socli, tmp_path: Path) -> None:
    steps = [
        {"question": "How many?", "text": "1+1 = <<1+1=3>>3"},
        {"question": "And?", "text": "2+2=<<2+2=4>>4"},
    ]
    file = jsonl(tmp_path / "sums.jsonl", [{"question": "Sums?", "answer": "4", "steps": steps}])
    assert socli("problems", str(file)).lines == [
        "Sums?",
        "├── How many?",
        "│   ✗ 1+1 = ‹3 ✗›",
        "├── And?",
        "│   ✓ 2+2=‹4›",
        "└── Answer: 4",
        "",
    ]


def test_what_json_prints_can_be_read_again(socli: Socli, four: Path) -> None:
    printed = socli("problems", str(four), "--json")
    again = socli("problems", "-", "--json", input=printed.out)
    assert [{**row, "source": ""} for row in again.rows] == [{**row, "source": ""} for row in printed.rows]


def test_a_csv_file_and_other_field_names_are_read(socli: Socli, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('Frage,Antwort\n"Was ist 1+1?",2\n')
    named = ["--question-field", "Frage", "--answer-field", "Antwort"]
    rows = socli("problems", str(tmp_path / "x.csv"), *named, "--json").rows
    assert [(row["question"], row["answer"]) for row in rows] == [("Was ist 1+1?", "2")]
    yes = socli("problems", "-", "--kind", "yes/no", "--json", input='{"question": "Ja?", "answer": "Yes."}')
    assert [(row["answer"], row["kind"]) for row in yes.rows] == [("yes", "yes/no")]


def test_t12_json_holds_every_character_on_every_stream(socli: Socli, tmp_path: Path) -> None:
    question = "Kako \u05e9\u05dc\u05d5\u05dd \u202e \U0001f469\u200d\U0001f680 e\u0301 \x1b[2J \u2028?"
    file = jsonl(tmp_path / "x.jsonl", [{"question": question, "answer": "1"}])
    done = socli("problems", str(file), "--json")
    assert done.rows[0]["question"] == question
    assert len(done.out.split("\n")) == 2


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        (["storis:test"], 2, "there is no set storis:test", "did you mean stories:test?"),
        (["gsm8k"], 2, "there is no set gsm8k", "did you mean gsm8k:"),
        (["gsm8k:test"], 3, "gsm8k:test is not on this machine: ", "set SOCLI_DATA to a folder that holds"),
        (["missing.jsonl"], 3, "there is no file missing.jsonl", None),
        (
            ["gsm8k:test", "--steps", "2"],
            2,
            "--steps chooses among stories, and gsm8k:test is none",
            "stories are",
        ),
        (["stories:test", "--steps", "7"], 2, "--steps '7' is not a range", "for example --steps 1-3"),
        ([f"{'a' * 300}.jsonl"], 3, "there is no file aaa", None),
        (["x\x00y"], 2, "there is no set x\ufffdy", "known are "),
        (["../../x"], 3, "there is no file ../../x", None),
    ],
)
def test_bad_input_is_a_sentence(
    words: list[str], code: int, error: str, hint: str | None, socli: Socli, home: Path
) -> None:
    done = socli("problems", *words)
    assert (done.code, done.out) == (code, "")
    assert done.told[0].startswith(f"error: {error}")
    assert done.told[1:] == [] if hint is None else done.told[1].startswith(f"hint: {hint}")
    assert not home.exists()


def test_t11_names_of_files_and_sets_are_only_text(socli: Socli, tmp_path: Path) -> None:
    hostile = tmp_path / "\x1b]0;owned\x07[red]\u202e.jsonl"
    hostile.write_text("{")
    for name in (str(hostile), f"{hostile}.x", "\x1b[2J:test"):
        done = socli("problems", name)
        assert done.code in (2, 3)
        assert not set(done.err) & set("\x1b\x07\u202e")
