"""`socli traces`: list and show."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Socli, Terminal, dump, sql
from doubles import PROBLEMS

from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.store import Store

SPOOF = "\x1b]0;owned\x07\x1b]8;;http://x.test\x07\x1b[2J\x9b31m\x90x\x9c[red][/foo]\u202e\r"


def test_there_are_none_at_first(socli: Socli) -> None:
    assert socli("traces", "list", "--json").out == ""
    done = socli("traces")
    assert (done.code, done.out) == (0, "")
    assert done.told == ["there is none; next: socli annotate --recipe quickstart"]


def test_they_are_listed_the_newest_first_and_by_verdict(socli: Socli, trained: Path) -> None:
    rows = socli("traces", "list", "--json").rows
    assert [row["trace"]["problem_id"] for row in rows] == [problem.id for problem in reversed(PROBLEMS)]
    assert socli("traces").lines[0] == f"{rows[0]['id']}\treference\t2\t8\tkept"
    assert len(socli("traces", "list", "--limit", "2").lines) == 2
    assert socli("traces", "list", "--verdict", "refused").out == ""


def test_show_is_a_tree_with_the_verdicts_of_the_arithmetic(socli: Socli, trained: Path) -> None:
    (row,) = [row for row in socli("traces", "list", "--json").rows if row["trace"]["answer"] == "140"]
    shown = socli("traces", "show", row["id"][:8])
    assert shown.lines[:-1] == [
        "Ivo reads 20 pages a day. How many pages does he read in a week?",
        "├── How many pages does Ivo read in a week?",
        "│   ✓ He reads 20*7 = ‹140› pages.",
        "└── Answer: 140",
    ]
    assert shown.lines[-1].startswith("kept, teacher reference, ")
    (as_json,) = socli("traces", "show", row["id"], "--json").rows
    assert as_json["question"] == PROBLEMS[1].question
    assert as_json["trace"]["steps"] == row["trace"]["steps"]


@pytest.mark.parametrize("id", ["nope", "../../x", "x'; DROP TABLE traces; --", "", "a" * 300, "\x00"])
def test_t20_t21_an_id_that_is_none_is_refused(id: str, socli: Socli, trained: Path) -> None:
    before = dump(trained)
    done = socli("traces", "show", id)
    assert (done.code, done.out) == (3, "")
    assert done.told[0].startswith("error: no trace `")
    assert done.told[1] == "hint: see `socli traces list`"
    assert dump(trained) == before


@pytest.fixture
def hostile(home: Path) -> str:
    """The id of a trace whose every part wants to do something to the terminal."""
    home.mkdir()
    problem = Problem(f"What{SPOOF} is it?", gold="1")
    steps = (Step(f"Ask{SPOOF}?", f"Work{SPOOF} 1+1 = <<1+1=2>>2"),)
    trace = Trace(problem.id, steps, "1", f"teacher{SPOOF}")
    with Store(home / "socli.db") as store:
        store.add_problems("s", [problem])
        store.add_traces([TraceRow(trace, "refused", f"because{SPOOF}", reply=SPOOF)])
    return sql(home / "socli.db", "SELECT id FROM traces")[0][0]


@pytest.mark.parametrize("words", [["show"], ["list"], ["list", "--json"], ["show", "--json"]])
def test_t11_hostile_text_is_only_text_on_a_terminal(
    words: list[str], hostile: str, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal("traces", *words, *([hostile] if words[0] == "show" else []), width=120)
    assert screen.end() == 0
    shown = screen.screen()
    assert (shown.title, shown.icon_name, shown.cursor.hidden) == ("", "", False)
    for code in (b"\x1b]", b"\x1b[2J", b"\x07", b"\x9b", b"\x90", "\u202e".encode()):
        assert code not in screen.raw
    assert "owned" not in "\n".join(screen.rows()) or "--json" in words
    text = "".join(screen.rows())
    assert "[red][/foo]" in text
    assert "U+202E" in text or "\\u202e" in text


@pytest.mark.parametrize("words", [["show"], ["list"]])
def test_t11_hostile_text_is_only_text_in_a_pipe(words: list[str], hostile: str, socli: Socli) -> None:
    done = socli("traces", *words, *([hostile] if words[0] == "show" else []))
    assert done.code == 0
    assert "[red][/foo]" in done.out
    assert not set(done.out) & set("\x1b\x07\x9b\x90\u202e\r")


# ---- the first wrong step, filters, search, funnel


@pytest.fixture
def mixed(home: Path) -> list[str]:
    """Ids of four traces of one problem: kept, wrong in step 2, leaked, cut off."""
    home.mkdir()
    problem = PROBLEMS[0]
    wrong = (problem.steps[0], Step("How many candles does she sell?", "She sells <<48-8=41>>41."))
    leaked = (Step("Is 40 plus 8 all?", "<<40+8=48>>48"), problem.steps[1])
    idle = (Step("How many days has a week?", "<<3+4=7>>7"), *problem.steps)
    rows = [
        TraceRow(Trace(problem.id, idle, "40", "a"), "kept"),
        TraceRow(Trace(problem.id, wrong, "40", "a", sample=1), "refused", "wrong arithmetic at step 2"),
        TraceRow(
            Trace(problem.id, leaked, "40", "b"), "refused", "answer leaked into the sub-question of step 1"
        ),
        TraceRow(
            Trace(problem.id, (), "", "b", sample=1), "refused", "truncated", reply="Let me see, zebras"
        ),
    ]
    with Store(home / "socli.db") as store:
        store.add_problems("four", PROBLEMS)
        store.add_traces(rows)
    return [row.trace.id for row in rows]


def test_the_first_wrong_step_is_marked(socli: Socli, mixed: list[str]) -> None:
    assert socli("traces", "show", mixed[1]).lines[:-1] == [
        "Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she",
        "sell?",
        "├── How many candles does Nora pack?",
        "│   ✓ She packs 4*12 = ‹48› candles.",
        "├── How many candles does she sell?",
        "│   ✗ She sells ‹48-8=41 ✗›.",
        "│   └── the first wrong step",
        "└── Answer: 40",
    ]
    (leaked,) = socli("traces", "show", mixed[2], "--json").rows
    assert (leaked["first_wrong"], leaked["warnings"]) == (0, [])


def test_an_idle_step_is_told_and_no_step_is_marked(socli: Socli, mixed: list[str]) -> None:
    shown = socli("traces", "show", mixed[0])
    assert "the first wrong step" not in shown.out
    assert shown.lines[-2] == "warning: step 1 unused: its value is not used later and is not the answer"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["list", "--reason", "wrong-arithmetic"], [1]),
        (["list", "--teacher", "b"], [3, 2]),
        (["list", "--problems", "four", "--verdict", "kept"], [0]),
        (["search", "candle", "NORA"], [3, 2, 1, 0]),
        (["search", "zebras"], [3]),
        (["search", "candles", "--reason", "leaked-answer"], [2]),
        (["search", "candles", "--teacher", "a", "-n", "1"], [1]),
    ],
)
def test_traces_are_filtered_and_searched(
    words: list[str], expected: list[int], socli: Socli, mixed: list[str]
) -> None:
    assert [line.split("\t")[0] for line in socli("traces", *words).lines] == [mixed[n] for n in expected]
    assert [row["id"] for row in socli("traces", *words, "--json").rows] == [mixed[n] for n in expected]


def test_where_none_fits_it_is_said(socli: Socli, mixed: list[str]) -> None:
    for words in (["list", "--teacher", "nobody"], ["search", "unicorn"], ["list", "--problems", "no:set"]):
        done = socli("traces", *words)
        assert (done.code, done.out, done.told) == (0, "", ["there is none like that"])
    done = socli("traces", "search", '"')
    assert (done.code, done.told[0]) == (2, "error: there is no word to look for")


def test_a_reason_that_is_none_is_refused(socli: Socli, mixed: list[str]) -> None:
    done = socli("traces", "list", "--reason", "because")
    assert done.code == 2
    assert "wrong-arithmetic" in done.err


def test_the_funnel_is_shown(socli: Socli, mixed: list[str]) -> None:
    assert socli("traces", "funnel", "--problems", "four").lines == [
        "asked\t4\t100.0 %\t########################################",
        "answered\t3\t75.0 %\t##############################",
        "read\t3\t75.0 %\t##############################",
        "right answer\t3\t75.0 %\t##############################",
        "right steps\t1\t25.0 %\t##########",
        "kept\t1\t25.0 %\t##########",
        "right answer, wrong steps\t2\t50.0 %\t####################",
        "refused: leaked-answer\t1\t25.0 %\t##########",
        "refused: truncated\t1\t25.0 %\t##########",
        "refused: wrong-arithmetic\t1\t25.0 %\t##########",
    ]
    (told,) = socli("traces", "funnel", "--teacher", "a", "--json").rows
    assert (told["asked"], told["kept"], told["reasons"]) == (2, 1, {"wrong-arithmetic": 1})


def test_an_empty_funnel_names_what_to_do(socli: Socli) -> None:
    done = socli("traces", "funnel")
    assert (done.code, done.out) == (0, "")
    assert done.told == ["there is none; next: socli annotate --recipe quickstart"]


# ---- export


@pytest.mark.parametrize(("format", "rows"), [("jsonl", 4), ("chat", 4), ("trl", 4)])
def test_kept_traces_are_exported_with_a_card(
    format: str, rows: int, socli: Socli, by_heart: Path, tmp_path: Path
) -> None:
    socli("annotate", "--recipe", str(by_heart))
    file = tmp_path / "out.jsonl"
    done = socli("traces", "export", str(file), "--recipe", str(by_heart), "--format", format)
    assert (done.code, done.lines) == (0, [str(file)])
    assert done.told[0].startswith(f"wrote {rows} rows of 4 traces; what they are: ")
    assert len(file.read_text().splitlines()) == rows
    assert "| kept | 4 |" in (tmp_path / "out.jsonl.md").read_text()
    again = socli("traces", "export", str(file), "--recipe", str(by_heart))
    assert (again.code, again.told[0]) == (2, f"error: {file} is there already")


def test_without_kept_traces_the_command_to_make_them_is_named(socli: Socli, tmp_path: Path) -> None:
    done = socli("traces", "export", str(tmp_path / "out.jsonl"))
    assert (done.code, done.told) == (
        3,
        ["error: there is no kept trace to export", "hint: socli annotate --recipe quickstart"],
    )
    assert not (tmp_path / "out.jsonl").exists()
