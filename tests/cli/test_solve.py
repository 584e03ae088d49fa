"""`socli solve`: one problem, on a terminal, in a pipe, as events."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Socli, Terminal, dump, jsonl, recipe, sql
from doubles import PROBLEMS, ScriptedWriter

from socli.cli import parts
from socli.scheme import Scheme
from socli.solve import Solvers, solve

NORA = PROBLEMS[0].question
PIPED = [
    NORA,
    "How many candles does Nora pack?",
    "  She packs 4*12 = ‹48› candles.",
    "How many candles does she sell?",
    "  She sells 48-8 = ‹40› candles.",
    "Answer: 40",
]


def test_a_piped_solve_is_the_transcript_and_says_the_rest_on_stderr(socli: Socli, trained: Path) -> None:
    before = dump(trained)
    done = socli("solve", NORA)
    assert (done.code, done.lines) == (0, PIPED)
    assert done.told[-1].startswith("Answer: 40, ")
    assert done.told[-1].endswith("calculator on")
    assert dump(trained) == before


@pytest.mark.parametrize("argument", [[], ["-"]])
def test_the_question_is_read_from_stdin_where_none_is_given(
    argument: list[str], socli: Socli, trained: Path
) -> None:
    assert socli("solve", *argument, input=f"{NORA}\n").lines == PIPED


def test_json_is_the_events_and_the_calculators_values_are_marked(socli: Socli, trained: Path) -> None:
    events = socli("solve", NORA, "--json").rows
    assert [events[0]["event"], events[-1]["event"]] == ["opened", "solved"]
    wrote = [event for event in events if event["event"] == "wrote"]
    assert "".join(event["text"] for event in wrote) == events[-1]["prediction"]["text"]
    assert [event["text"] for event in wrote if event["computed"]] == ["48>>", "40>>"]
    assert events[-1]["prediction"]["answer"] == "40"


def test_without_the_calculator_the_student_writes_the_values_itself(socli: Socli, trained: Path) -> None:
    done = socli("solve", NORA, "--no-calculator", "--json")
    assert not any(event.get("computed") for event in done.rows)
    assert done.rows[-1]["prediction"]["calculator"] is False


def test_a_run_is_named_by_name_or_by_the_beginning_of_its_id(socli: Socli, trained: Path) -> None:
    run = sql(trained, "SELECT id FROM runs")[0][0]
    for name in ("by-heart", run, run[:3]):
        assert socli("solve", NORA, "--run", name).lines == PIPED


def test_a_run_that_learnt_yes_and_no_answers_so(
    socli: Socli, tmp_path: Path, home: Path, llama: Path
) -> None:
    snail = "Could a snail cross a football field in one night?"
    train = jsonl(tmp_path / "snail.jsonl", [{"question": snail, "answer": True}])
    by_heart = recipe(tmp_path, "snail", train, llama, scheme={"name": "answer"})
    assert socli("distill", "--recipe", str(by_heart)).code == 0
    solved = socli("solve", snail, "--json").rows[-1]
    assert (solved["prediction"]["answer"], solved["prediction"]["finish_reason"]) == ("yes", "answered")


def test_without_a_run_the_quickstart_is_offered_and_nothing_is_trained(socli: Socli, home: Path) -> None:
    done = socli("solve", NORA)
    assert (done.code, done.out) == (3, "")
    assert done.told == [
        "error: there is no trained student yet",
        "hint: `socli solve --yes` trains the quickstart first; or: socli distill --recipe quickstart",
    ]
    assert sql(home / "socli.db", "SELECT count(*) FROM runs") == [(0,)]


def test_yes_trains_the_quickstart_first(socli: Socli, home: Path, llama: Path) -> None:
    from socli.models import catalogue
    from socli.recipe import load

    known = next(one for one in catalogue() if one.name == "smollm2-135m")
    assert known.wheel is not None
    fetched = home / "models" / f"smollm2-135m-{known.wheel.gguf_sha256[:8]}"
    shutil.copytree(llama, fetched)
    (fetched / "provenance.json").write_text("{}")
    done = socli("solve", NORA, "--yes")
    assert done.code == 0
    assert done.lines[0] == NORA
    assert f"made {load('quickstart').problems.limit} traces first" in done.err
    assert sql(home / "socli.db", "SELECT name, status FROM runs") == [("quickstart", "done")]


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        ([""], 2, "there is no question", 'socli solve "Ana has 3 apples and buys 2. How many has she?"'),
        ([" \n"], 2, "there is no question", 'socli solve "Ana has 3 apples and buys 2. How many has she?"'),
        (["?", "--run", "by-hart"], 3, "no run `by-hart` in the store", "did you mean `by-heart`?"),
        (["?", "--run", "zzz"], 3, "no run `zzz` in the store", "see `socli runs list`"),
        (["?", "--run", "x", "--model", "gpt2"], 2, "--run and --model exclude each other", "name the one"),
        (["?", "--model", "gtp2"], 2, "'gtp2' is no known student", "did you mean `gpt2`?"),
        (["?", "--model", "gpt2"], 3, "gpt2 is not here and cannot be fetched", "or copy its folder"),
    ],
)
def test_bad_input_is_a_sentence_and_a_hint(
    words: list[str], code: int, error: str, hint: str, socli: Socli, trained: Path
) -> None:
    before = dump(trained)
    done = socli("solve", *words)
    assert (done.code, done.out) == (code, "")
    assert done.told[0].startswith(f"error: {error}")
    assert done.told[1].startswith(f"hint: {hint}")
    assert len(done.told) == 2
    assert dump(trained) == before


def test_offline_without_the_student_the_command_that_gets_it_is_named(socli: Socli) -> None:
    done = socli("solve", NORA, "--yes")
    assert done.code == 3
    (error,) = [line for line in done.told if line.startswith("error: ")]
    assert "run `socli models fetch smollm2-135m` once it can" in error


def test_a_run_whose_weights_are_gone_is_a_sentence(socli: Socli, trained: Path) -> None:
    (folder,) = trained.parent.glob("socli-runs/by-heart-*")
    shutil.rmtree(folder)
    done = socli("solve", NORA)
    assert done.code == 3
    assert done.told[0].endswith(f"are not in {folder / 'student'}")
    assert done.told[1] == "hint: train it again with `socli distill`"


def test_t18_ctrl_c_at_the_question_is_130(terminal: Callable[..., Terminal], trained: Path) -> None:
    asked = terminal("solve")
    asked.wait_for("question: ")
    asked.child.sendintr()
    assert asked.end() == 130
    assert "stopped" in asked.rows()[0]


SPOOF = "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x9b31m[red]\u202e\x08"
"""Sets the title and the clipboard, clears the screen, colours in two ways, turns the text round."""


def test_t11_t18_hostile_text_is_only_text_on_a_terminal_and_ctrl_c_leaves_it_whole(
    terminal: Callable[..., Terminal], socli: Socli, tmp_path: Path, home: Path, llama: Path
) -> None:
    steps = [{"question": f"Why{SPOOF} {n}?", "text": f"So it is {n}."} for n in range(12)]
    question = f"Eva says{SPOOF} no. [/foo] [link=http://x.test]How many?"
    train = jsonl(tmp_path / "hostile.jsonl", [{"question": question, "answer": "3", "steps": steps}])
    assert socli("distill", "--recipe", str(recipe(tmp_path, "hostile", train, llama))).code == 0

    screen = terminal("solve", question)
    screen.wait_for("So it is 0")
    screen.child.sendintr()
    assert screen.end() == 130
    shown = screen.screen()
    assert screen.rows()[0] == "Eva says[red][U+202E] no. [/foo] [link=http://x.test]How many?"
    assert any("Why[red][U+202E] 0?" in row for row in screen.rows())
    assert any(row == "stopped" for row in screen.rows())
    ((bench, status, reason, text),) = sql(
        home / "socli.db",
        "SELECT bench, status, finish_reason, text FROM predictions JOIN benches ON benches.id = bench",
    )
    assert (status, reason) == ("started", "stopped")
    assert "Work: So it is 0" in text
    assert any(f"what was written so far is in the store as bench {bench}" in row for row in screen.rows())
    assert (shown.title, shown.icon_name, shown.cursor.hidden) == ("", "", False)
    for code in (b"\x1b]", b"\x1b[2J", b"\x07", "\x9b".encode(), "\u202e".encode()):
        assert code not in screen.raw


# ---- more questions, other parts, pictures


def test_on_a_terminal_one_question_follows_the_other_and_earlier_ones_come_back(
    terminal: Callable[..., Terminal], trained: Path
) -> None:
    asked = terminal("solve")
    asked.wait_for("question: ")
    asked.child.sendline(NORA)
    asked.wait_for("calculator on")
    asked.wait_for("question: ")
    asked.child.send("\x1b[A")  # the key for the line before
    asked.wait_for("back.")
    asked.child.sendline("")
    asked.wait_for("calculator on")
    asked.wait_for("question: ")
    asked.child.sendeof()
    assert asked.end() == 0
    assert sum("Answer: 40" in row for row in asked.rows()) == 2
    assert (trained.parent / "questions").read_text().count(NORA) == 1  # the same line again is one
    assert not asked.screen().cursor.hidden


def test_facts_are_given_with_the_question_and_prompts_are_shown(socli: Socli, trained: Path) -> None:
    done = socli("solve", NORA, "--facts", "A box\nholds 12.", "--show-prompts")
    told = done.err
    assert f"--- the student was given:\nProblem: {NORA}\nFacts: A box holds 12.\n[it writes]\n" in told


def test_a_planner_was_given_something_too(capsys: pytest.CaptureFixture[str]) -> None:
    planner = ScriptedWriter({"Ivo": [" 1\n"]})
    asker = ScriptedWriter({"Ivo": ["Ask: How many pages?\n", ""]})
    solver = ScriptedWriter({"Ivo": [" 20*7 = 140\n", " 140"]})
    form = Scheme("socratic", "split", guide="count")
    watched, given = parts.watched(Solvers("s", form, solver, asker, planner=planner))
    *_, last = solve([PROBLEMS[1]], watched, 100)
    assert last.prediction.correct
    parts.print_given(given)
    read = f"Problem: {PROBLEMS[1].question}"
    assert capsys.readouterr().err.splitlines() == [
        "--- the planner was given:", read, "Plan:[it writes]", "",
        "--- the decomposer was given:", read, "Plan: 1", "[it writes]",
        "Work: 20*7 = 140", "[it writes]", "",
        "--- the solver was given:", read, "Ask: How many pages?", "Work:[it writes]",
        "####[it writes]", "",
    ]  # fmt: skip


def test_the_tree_is_drawn_to_a_file(socli: Socli, trained: Path, tmp_path: Path) -> None:
    picture = tmp_path / "tree.svg"
    done = socli("solve", NORA, "--svg", str(picture))
    assert done.lines == PIPED
    assert picture.read_text().startswith("<svg")
    assert "Answer" in picture.read_text()


def test_votes_are_the_same_for_a_seed_and_their_share_is_told(socli: Socli, trained: Path) -> None:
    words = ["solve", NORA, "--votes", "3", "--seed", "5", "--temperature", "0.2", "--json"]
    first, again = (socli(*words).rows[-1] for _ in range(2))
    for solved in (first, again):
        del solved["prediction"]["seconds"]
    assert first == again
    assert first["prediction"]["answer"] == "40"
    assert first["prediction"]["shares"] == [1.0]


def test_until_valid_leaves_out_the_votes(socli: Socli, trained: Path) -> None:
    solved = socli("solve", NORA, "--until-valid", "--temperature", "0.1", "--json").rows[-1]
    assert (solved["prediction"]["answer"], solved["prediction"]["shares"]) == ("40", [])


def test_you_write_the_sub_questions_and_the_student_answers_them(
    terminal: Callable[..., Terminal], trained: Path
) -> None:
    asked = terminal("solve", NORA, "--decomposer", "-")
    for question in ("How many candles does Nora pack?", "How many candles does she sell?", ""):
        asked.wait_for("sub-question")
        asked.child.sendline(question)
    assert asked.end() == 0
    rows = asked.rows()
    assert any("She packs 4*12 = ‹48› candles." in row for row in rows)
    assert any(row == "Answer: 40" for row in rows)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--decomposer", "teacher"], "error: no teacher is named"),
        (["--decomposer", "-"], "error: sub-questions are typed on a terminal"),
        (["--decomposer", "gold"], "error: these problems have no gold sub-questions"),
        (["--solver", "by-heart"], r"error: by-heart-\w+ has no decomposer|error: \w+ has no decomposer"),
        (["--decomposer", "by-heart"], "error: run by-heart has no decomposer"),
        (["--model", "m", "--base-url", "nonsense"], "error: quickstart.toml: `teacher.base_url`: must be"),
    ],
)
def test_parts_that_cannot_be_are_a_sentence(
    words: list[str], error: str, socli: Socli, trained: Path
) -> None:
    done = socli("solve", NORA, *words)
    assert done.code in (2, 3)
    assert re.match(error, done.told[0])
