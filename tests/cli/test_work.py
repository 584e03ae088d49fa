"""`scheme.work = "equations"` as a user meets it: what is left out is said, and what is learnt is solved."""

import json
from pathlib import Path

from command_line import Socli, jsonl, recipe, sql

WORDS_ALONE = {
    "question": "Ana has 3 pens and gets 4 more. How many pens has she?",
    "answer": "7",
    "steps": [{"question": "How many pens has she?", "text": "3 and 4 are 7 pens."}],
}
BARE = ["--set", "scheme.work=equations"]
NORA = (
    "Ask: How many candles does Nora pack?\nWork: <<4*12=48>>\n"
    "Ask: How many candles does she sell?\nWork: <<48-8=40>>\n#### 40"
)


def test_a_student_learns_equations_alone_and_the_calculator_writes_their_values(
    socli: Socli, home: Path, by_heart: Path, four: Path
) -> None:
    assert socli("distill", "--recipe", str(by_heart), *BARE).code == 0
    assert socli("bench", str(four), "--recipe", str(by_heart), *BARE, "--json").code == 0
    ((text, right),) = sql(
        home / "socli.db", "SELECT text, correct FROM predictions WHERE text LIKE '%candles%'"
    )
    assert (text.strip(), right) == (NORA, 1)
    assert socli("runs").lines[0].split("\t")[4] == "socratic unified, equations alone"
    question = json.loads(four.read_text().splitlines()[0])["question"]
    shown = socli("solve", question)
    assert [line.strip() for line in shown.lines if "48" in line] == ["‹4*12=48›", "‹48-8=40›"]
    page = home / "report.md"
    assert socli("report", "by-heart", "--markdown", str(page)).code == 0
    assert "socratic, unified, equations alone" in page.read_text()


def test_what_has_a_step_without_an_equation_is_left_out_which_is_said(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    rows = [json.loads(line) for line in four.read_text().splitlines()]
    five = jsonl(tmp_path / "five.jsonl", [*rows, WORDS_ALONE])
    name = str(recipe(tmp_path, "five", five, llama, train={"epochs": 1}))
    done = socli("distill", "--recipe", name, *BARE)
    assert done.code == 0, done.err
    assert "left out 1 problems: a step has no marked equation" in done.told
    assert "made 5 traces first" in done.err
    assert "left out" not in socli("distill", "--recipe", name).err
    assert sql(home / "socli.db", "SELECT note FROM runs") == [("4 traces",), ("5 traces",)]


def test_where_no_trace_fits_it_is_a_sentence_and_nothing_is_trained(
    socli: Socli, home: Path, tmp_path: Path, llama: Path
) -> None:
    one = jsonl(tmp_path / "one.jsonl", [WORDS_ALONE])
    name = str(recipe(tmp_path, "one", one, llama))
    done = socli("distill", "--recipe", name, *BARE)
    assert (done.code, done.told) == (
        3,
        [
            "error: no kept trace of 1 problems fits: a step has no marked equation",
            "hint: --set scheme.work=words",
        ],
    )
    assert not (home / "socli-runs").exists()
    assert socli("distill", "--recipe", name, "--set", "train.epochs=1").code == 0


def test_an_annotated_trace_serves_both_ways_of_writing(
    socli: Socli, home: Path, tmp_path: Path, llama: Path
) -> None:
    one = jsonl(tmp_path / "one.jsonl", [WORDS_ALONE])
    name = str(recipe(tmp_path, "one", one, llama))
    assert socli("annotate", "--recipe", name, *BARE).code == 0
    assert sql(home / "socli.db", "SELECT verdict FROM traces") == [("kept",)]
