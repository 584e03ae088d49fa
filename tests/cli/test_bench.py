"""`socli bench`: predictions on stdout, the summary on stderr, from sets, files and stdin."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import COMMAND, Process, Socli, Terminal, dump, jsonl, recipe, sql
from doubles import PROBLEMS, ScriptedWriter

from socli import prompts
from socli.scheme import Scheme
from socli.solve import Solvers

NORA, IVO, JUG, TEA = (problem.question for problem in PROBLEMS)


def ask(*questions: str, **more: str) -> str:
    """Problems as they are piped."""
    return "".join(f"{json.dumps({'question': question, **more})}\n" for question in questions)


def test_each_line_is_a_prediction_and_the_last_of_stderr_the_summary(
    socli: Socli, trained: Path, four: Path
) -> None:
    done = socli("bench", str(four), "--json")
    assert done.code == 0
    by_question = {row["question"]: row for row in done.rows}
    assert set(by_question) == {NORA, IVO, JUG, TEA}
    assert by_question[NORA] == {
        "id": PROBLEMS[0].id,
        "set": str(four),
        "number": 1,
        "question": NORA,
        "answer": "40",
        "prediction": "40",
        "correct": True,
        "wrong_step": None,
        "finish_reason": "answered",
        "calculator": True,
        "tokens": by_question[NORA]["tokens"],
        "text": by_question[NORA]["text"],
    }
    summary = json.loads(done.told[-1])
    assert (summary["n"], summary["correct"], summary["accuracy"]) == (4, 4, 1.0)
    assert summary["sets"][0]["low"] == pytest.approx(0.5101, abs=1e-4)  # Wilson, 4 of 4
    assert summary["sets"][0]["high"] == 1.0
    assert summary["sets"][0]["unreadable"] == summary["sets"][0]["truncated"] == 0.0


def test_without_json_the_summary_is_a_sentence(socli: Socli, trained: Path, four: Path) -> None:
    done = socli("bench", str(four), "--no-calculator")
    ((run, bench),) = sql(trained, "SELECT run, id FROM benches")
    assert done.told[-1] == (
        f"{four.name} with {run}: 100.0 % right of 4 (95 % interval 51.0 to 100.0 %), "
        f"0.0 % unreadable, 0.0 % truncated, calculator off, bench {bench}"
    )
    assert [row["calculator"] for row in done.rows] == [False] * 4


@pytest.mark.parametrize("argument", [[], ["-"]])
def test_no_set_or_a_dash_is_stdin(argument: list[str], socli: Socli, trained: Path) -> None:
    done = socli("bench", *argument, "--json", input=ask(IVO, answer="140") + "\n" + ask(TEA))
    assert done.code == 0
    assert [
        (row["question"], row["correct"]) for row in sorted(done.rows, key=lambda row: row["number"])
    ] == [
        (IVO, True),
        (TEA, None),
    ]
    summary = json.loads(done.told[-1])
    assert (summary["n"], summary["accuracy"], summary["sets"][0]["set"]) == (1, 1.0, "stdin")


@pytest.mark.parametrize(
    ("gold", "correct"),
    [
        ("40", True),
        (40, True),
        ("$40.00", True),
        ("4*12 = <<4*12=48>>48\n48-8 = <<48-8=40>>40\n#### 40", True),
        ("The sum is <<40+1=41>>41.\n#### 41", False),
    ],
)
def test_the_right_answer_is_bare_or_a_worked_solution(
    gold: str | int, correct: bool, socli: Socli, trained: Path
) -> None:
    done = socli("bench", input=json.dumps({"question": NORA, "answer": gold}))
    assert [row["correct"] for row in done.rows] == [correct]


def test_fields_have_other_names_where_flags_say_so(socli: Socli, trained: Path) -> None:
    row = json.dumps({"problem": IVO, "target": "140", "hint": ""})
    flags = ["--question-field", "problem", "--answer-field", "target", "--context-field", "hint"]
    done = socli("bench", *flags, input=row)
    assert [(row["prediction"], row["correct"]) for row in done.rows] == [("140", True)]


def test_several_sets_are_scored_at_once_and_together(
    socli: Socli, trained: Path, tmp_path: Path, four: Path
) -> None:
    wrong = jsonl(tmp_path / "wrong.jsonl", [{"question": IVO, "answer": "7"}])
    done = socli("bench", str(four), str(wrong), "stories:test", "--limit", "2", "--steps", "1", "--json")
    assert done.code == 0
    assert [row["set"] for row in done.rows] == [str(four)] * 2 + [str(wrong)] + [
        "stories:test steps 1-1 seed 0"
    ] * 2
    summary = json.loads(done.told[-1])
    assert [(card["set"], card["n"]) for card in summary["sets"]] == [
        (str(four), 2),
        (str(wrong), 1),
        ("stories:test steps 1-1 seed 0", 2),
    ]
    assert summary["sets"][1]["accuracy"] == 0.0
    assert summary["n"] == 5
    assert summary["accuracy"] == summary["correct"] / 5
    assert sql(trained, "SELECT count(*) FROM benches WHERE status = 'done'") == [(3,)]


def test_a_recipe_brings_its_sets_and_its_own_last_run(
    socli: Socli, trained: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    other = recipe(tmp_path, "other", four, llama, train={"epochs": 1}, bench={"limit": 1})
    none = socli("bench", "--recipe", str(other))
    assert none.code == 3
    assert none.told == [
        f"error: there is no finished run of recipe {other} yet",
        f"hint: socli distill --recipe {other}",
    ]
    assert socli("distill", "--recipe", str(other)).code == 0
    run = sql(trained, "SELECT id FROM runs WHERE name = 'other'")[0][0]
    scored = socli("bench", "--recipe", str(other), "--set", "bench.max_tokens=5", "--json")
    assert len(scored.rows) == 1
    assert scored.rows[0]["tokens"] <= 5
    assert json.loads(scored.told[-1])["sets"][0]["model"] == run


def test_an_untrained_student_is_shown_examples_of_the_kind_that_is_asked() -> None:
    from socli.solvers import shown

    writer, none = ScriptedWriter({}), Scheme("answer")
    guessing = shown(Solvers("untrained", none, writer, prefix="examples"), "yes/no")
    assert guessing.prefix == prompts.prefix(none, "yes/no") != prompts.prefix(none, "number")
    assert shown(Solvers("trained", none, writer), "yes/no").prefix == ""


def test_an_untrained_student_can_be_scored(socli: Socli, home: Path, llama: Path) -> None:
    snail = json.dumps({"question": "Could a snail cross a football field in one night?", "answer": True})
    done = socli("bench", "--model", str(llama), "--scheme", "answer", "--json", input=snail)
    assert done.code == 0
    assert [row["answer"] for row in done.rows] == ["yes"]
    assert json.loads(done.told[-1])["sets"][0]["model"] == str(llama)
    assert sql(home / "socli.db", "SELECT run, model FROM benches") == [(None, str(llama))]


@pytest.mark.parametrize(
    ("words", "input", "code", "error", "hint"),
    [
        (["missing.jsonl"], None, 3, "there is no file missing.jsonl", None),
        (["storis:test"], None, 2, "there is no set storis:test", "did you mean stories:test?"),
        ([], '{"question": "a"}\n{"question', 2, "stdin line 2 is not JSON", "one JSON object a line"),
        ([], '[1]', 2, "stdin line 1 is not an object", 'write {"question": "…"}'),
        ([], '{"prompt": "x"}', 2, "stdin line 1 has no question", "name the field that holds it: prompt"),
        ([], '{"question": "x", "answer": "a lot"}', 2, "stdin line 1: the answer `a lot` cannot", "leave"),
        ([], "", 2, "there is no problem in stdin", None),
        (["--steps", "3-1"], None, 2, "--steps '3-1' is not a range of steps", "for example --steps 1-3"),
        (["--run", "by-hart"], None, 3, "no run `by-hart` in the store", "did you mean `by-heart`?"),
        (["--model", "smollm2-135"], None, 2, "'smollm2-135' is no known student", "did you mean `smollm2"),
        (["--model", "gpt2"], None, 3, "gpt2 is not here and cannot be fetched", "or copy its folder"),
        (["--recipe", "gms8k"], None, 2, "there is no recipe 'gms8k'", "did you mean `gsm8k`?"),
        (["--set", "bench.batch=1"], None, 2, "--set changes a recipe, and none is named", "name one with"),
        (["--run", "a", "--model", "gpt2"], None, 2, "--run and --model exclude each other", "name the one"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_and_a_hint_and_nothing_is_scored(
    words: list[str], input: str | None, code: int, error: str, hint: str | None, socli: Socli, trained: Path
) -> None:
    done = socli("bench", *words, input=input)
    assert done.code == code
    said = [line for line in done.told if not line.startswith(("solving", "fetching"))]
    assert said[0].startswith(f"error: {error}")
    assert said[1:] == [] if hint is None else said[1].startswith(f"hint: {hint}")
    assert len(said) <= 2
    assert done.out == ""
    assert sql(trained, "SELECT count(*) FROM predictions") == [(0,)]


def test_unreadable_answers_of_a_file_are_all_named_before_anything_is_solved(
    socli: Socli, trained: Path, tmp_path: Path
) -> None:
    golds = ["1", "one or two", "3", "#### none", None]
    bad = jsonl(tmp_path / "bad.jsonl", [{"question": f"{n}?", "answer": g} for n, g in enumerate(golds)])
    done = socli("bench", str(bad))
    assert (done.code, done.out) == (2, "")
    assert (
        f"{bad} line 2: the answer `one or two` cannot be read as a number (2 such lines: 2, 4)" in done.err
    )


def test_there_is_nothing_to_bench_with_before_the_first_run(socli: Socli) -> None:
    done = socli("bench", "stories:test")
    assert done.code == 3
    assert done.told == [
        "error: there is no finished run yet",
        "hint: socli distill --recipe quickstart",
    ]


def test_all_files_are_looked_for_before_the_first_is_scored(socli: Socli, trained: Path, four: Path) -> None:
    before = dump(trained)
    done = socli("bench", str(four), "missing.jsonl")
    assert (done.code, done.out) == (3, "")
    assert dump(trained) == before


def test_t17_a_reader_that_has_seen_enough_ends_it_quietly(
    start: Callable[..., Process], trained: Path, by_heart: Path
) -> None:
    piped = start("bench", "--run", "by-heart", "--recipe", str(by_heart), "--set", "bench.batch=1", "-")
    piped.type(ask(*[IVO] * 8))  # eight batches are read ahead
    first = piped.read_until("\n", piped.stdout)
    assert json.loads(first.splitlines()[0])["prediction"] == "140"
    piped.stdout.close()
    piped.type(ask(*[IVO] * 8))
    done = piped.end()
    assert done.code == 0
    assert "Traceback" not in done.err
    assert "rror" not in done.err
    assert sql(trained, "SELECT status FROM benches") == [("started",)]
    assert 1 < sql(trained, "SELECT count(*) FROM predictions")[0][0] <= 9


def test_t18_on_a_terminal_ctrl_c_leaves_one_scoreboard_and_what_was_solved_in_the_store(
    terminal: Callable[..., Terminal],
    trained: Path,
    tmp_path: Path,
    four: Path,
    by_heart: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = tmp_path / ("a-folder-whose-name-fills-the-screen-" * 3)  # its files are shown by their names
    long.mkdir()
    monkeypatch.chdir(long)
    many = jsonl(long / "many.jsonl", [{"question": NORA, "answer": "40"}] * 900)
    one_by_one = ["--run", "by-heart", "--recipe", str(by_heart), "--set", "bench.batch=1"]
    screen = terminal("bench", str(four), many.name, *one_by_one)
    screen.wait_for("many.jsonl")
    screen.wait_for(" right")
    screen.child.sendintr()
    assert screen.end() == 130
    shown = " ".join(screen.rows())
    assert len(re.findall(r"accuracy +100\.0 %", shown)) == 1
    assert re.search(r"(\d+) of \1 right", shown)
    assert '"prediction"' not in shown
    assert re.search(r"stopped; .* the same command goes +on from there\s*$", shown)
    assert not screen.screen().cursor.hidden
    assert sql(trained, "SELECT status, accuracy FROM benches") == [("done", 1.0), ("started", None)]
    (n, correct) = sql(trained, "SELECT count(*), sum(correct) FROM predictions")[0]
    assert n == correct
    assert n > 4


# ---- going on


def test_t3_killed_it_is_partial_and_the_same_command_solves_only_what_is_missing(
    start: Callable[..., Process], socli: Socli, trained: Path, tmp_path: Path, by_heart: Path
) -> None:
    rows = [{"question": p.question, "answer": p.gold} for p in PROBLEMS] * 50
    many = jsonl(tmp_path / "many.jsonl", rows)
    words = ["bench", str(many), "--run", "by-heart", "--recipe", str(by_heart), "--set", "bench.batch=1"]
    killed = start(*words)
    for _ in range(37):
        killed.read_until("\n", killed.stdout)
    killed.child.kill()
    killed.end()
    ((bench, status, kept),) = sql(
        trained, "SELECT id, status, (SELECT count(*) FROM predictions) FROM benches"
    )
    assert (status, 37 <= kept < 200) == ("started", True)
    partial = socli("compare", bench, bench)
    assert partial.code == 3
    assert f"on {many} is partial: {kept} of 200 problems are scored" in partial.told[0]
    assert f"partial, {kept} of 200 solved" in socli("benches").out
    done = socli(*words, "--ordered", "--json")
    assert done.code == 0
    assert done.told[0].endswith(f", {kept} done before")
    assert [row["number"] for row in done.rows] == list(range(1, 201))
    assert [row["prediction"] for row in done.rows] == [row["answer"] for row in rows]
    assert json.loads(done.told[-1])["sets"][0]["bench"] == bench
    assert sql(trained, "SELECT status, n, correct FROM benches") == [("done", 200, 200)]
    again = socli(*words, "--json")
    assert again.told[0].endswith(", 200 done before")
    assert sorted(again.out.splitlines()) == sorted(done.out.splitlines())
    assert len(sql(trained, "SELECT id FROM benches")) == 1


def test_benches_are_listed_with_ids_that_other_commands_take(
    socli: Socli, trained: Path, four: Path, llama: Path
) -> None:
    assert socli("benches").told == ["there is none; next: socli bench --recipe quickstart"]
    socli("bench", str(four))
    ((id, run),) = sql(trained, "SELECT id, run FROM benches")
    (line,) = socli("benches", "by-heart").lines
    assert line.split("\t")[:7] == [
        id, "by-heart", run, four.name, "on", "100.0 % of 4", "51.0 to 100.0 %",
    ]  # fmt: skip
    (row,) = socli("benches", run, "--json").rows
    assert (row["id"], row["solved"], row["scorecard"]["accuracy"]) == (id, 4, 1.0)
    assert id in socli("runs", "show", run).out
    assert socli("rescore", id).code == 0
    assert socli("benches", "by-hart").code == 3


# ---- sets on the Hub


def test_a_set_of_the_hub_is_named_by_flags_and_read_at_the_commit_it_was_first_read_at(
    socli: Socli, trained: Path
) -> None:
    home, rows = trained.parent, [{"problem": IVO, "target": 140}, {"problem": TEA, "target": "9"}]
    (home / "revisions.json").write_text(json.dumps({"dataset": {"mira/small-sums": "a" * 40}}))
    folder = home / "sets" / "mira--small-sums-aaaaaaaa"
    folder.mkdir(parents=True)
    jsonl(folder / "main-test.jsonl", rows)
    fields = ["--question-field", "problem", "--answer-field", "target", "--ordered"]
    done = socli("bench", "hf:mira/small-sums", "--config", "main", "--split", "test", *fields)
    assert done.code == 0
    assert [(row["set"], row["correct"]) for row in done.rows] == [
        ("hf:mira/small-sums/main:test", True),
        ("hf:mira/small-sums/main:test", False),
    ]
    whole = socli("bench", "hf:mira/small-sums/main:test", *fields)
    assert (whole.out, whole.told[0].endswith(", 2 done before")) == (done.out, True)
    assert socli("problems", "hf:mira/small-sums/main:test", *fields[:4]).out.count("Answer:") == 2


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["hf:mira/small-sums"], 2, "which part of hf:mira/small-sums is not said"),
        (["hf:small-sums:test"], 2, "hf:small-sums:test is no set on the Hub"),
        (["hf:../small:test"], 2, "hf:../small:test is no set on the Hub"),
        (["stories:test", "--split", "test"], 2, "--config and --split say which part of a Hub set"),
        (["hf:mira/small-sums:test"], 3, "the Hub was not asked because SOCLI_OFFLINE is set"),
    ],
)
def test_a_set_of_the_hub_that_cannot_be_read_is_a_sentence(
    words: list[str], code: int, error: str, socli: Socli, trained: Path
) -> None:
    done = socli("bench", *words)
    assert (done.code, done.told[0]) == (code, f"error: {error}")


# ---- votes, and parts by others


def test_samples_vote_and_each_line_says_how_sure_they_were(socli: Socli, trained: Path, four: Path) -> None:
    words = ["bench", str(four), "--votes", "3", "--temperature", "0.01", "--ordered"]
    done = socli(*words)
    assert done.code == 0
    assert [(row["correct"], row["confidence"], row["shares"]) for row in done.rows] == [
        (True, 1.0, [1.0])
    ] * 4
    ((model, run),) = sql(trained, "SELECT model, run FROM benches")
    assert (model.endswith(", 3 votes"), run) == (True, None)
    assert sql(trained, "SELECT shares FROM predictions") == [("[1.0]",)] * 4
    again = socli(*words)
    assert again.told[0].endswith(", 4 done before")
    assert again.out == done.out
    alone = socli("bench", str(four), "--ordered")
    assert "confidence" not in alone.rows[0]


def test_the_datas_own_sub_questions_are_asked_where_they_are_wanted(
    socli: Socli, trained: Path, four: Path
) -> None:
    done = socli("bench", str(four), "--decomposer", "gold", "--ordered")
    assert done.code == 0
    for row, problem in zip(done.rows, PROBLEMS, strict=True):
        asked = [line.removeprefix("Ask: ") for line in row["text"].splitlines() if line.startswith("Ask:")]
        assert asked == [step.question for step in problem.steps]
    ((model, run),) = sql(trained, "SELECT model, run FROM benches")
    assert (model.endswith(", decomposer gold"), run) == (True, None)
    bare = socli("bench", "--decomposer", "gold", input=ask(IVO))
    assert (bare.code, bare.told[0]) == (2, "error: these problems have no gold sub-questions")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--noise", "--swap"], "--noise and --swap exclude each other"),
        (["--noise", "--precision", "fp32"], "--noise solves in both precisions, with students here"),
        (["--noise", "-"], "--noise solves a set four times, and stdin can be read once"),
        (["--swap", "--ordered"], "--swap puts in parts itself, without votes, and prints no predictions"),
        (["--swap", "--votes", "3"], "--swap puts in parts itself, without votes, and prints no predictions"),
        (["--swap"], "only a decomposer and a solver have parts to swap"),
        (["--decomposer", "-"], "sub-questions are typed for one problem alone"),
        (["--solver", "teacher"], "no teacher is named"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    words: list[str], error: str, socli: Socli, trained: Path, four: Path
) -> None:
    done = socli("bench", *words, *([] if "-" in words[1:] else [str(four)]), input=ask(IVO, answer="140"))
    assert (done.code, done.out) == (2, "")
    assert done.told[0].startswith(f"error: {error}")
    assert sql(trained, "SELECT count(*) FROM predictions WHERE correct = 0") == [(0,)]


def test_noise_and_swap_solve_anew_what_brings_no_answers(socli: Socli) -> None:
    answered = json.dumps({"question": IVO, "answer": "140", "prediction": "140"})
    for flag in ("--noise", "--swap"):
        done = socli("bench", flag, input=answered)
        assert done.told == [
            f"error: {flag} solves anew, and these rows bring their answers", f"hint: leave out {flag}",
        ]  # fmt: skip


# ---- rows that bring their own answers


def test_rows_that_bring_their_own_answer_are_scored_without_a_model_or_a_store(
    socli: Socli, home: Path, tmp_path: Path
) -> None:
    rows = [
        {"question": NORA, "answer": "40", "prediction": "$40.00"},
        {"question": IVO, "answer": "140", "response": "That is <<20*7=130>>130.\n#### 140", "tokens": 9},
        {"question": TEA, "answer": "8", "response": "9"},
    ]
    done = socli("bench", str(jsonl(tmp_path / "theirs.jsonl", rows)), "--json")
    assert done.code == 0
    assert [(row["prediction"], row["correct"], row["wrong_step"]) for row in done.rows] == [
        ("40", True, None),
        ("140", True, 0),
        ("9", False, None),
    ]
    summary = json.loads(done.told[-1])
    assert (summary["n"], summary["correct"], summary["skipped"]) == (3, 2, 0)
    assert summary["sets"][0]["unsound"] == 0.5
    assert not (home / "socli.db").exists()


def test_what_bench_prints_can_be_piped_into_bench(socli: Socli, trained: Path, four: Path) -> None:
    first = socli("bench", str(four), "--ordered", "--no-calculator")
    second = socli("bench", "--json", input=first.out)
    assert [{**row, "set": ""} for row in second.rows] == [{**row, "set": ""} for row in first.rows]
    assert json.loads(second.told[-1])["accuracy"] == 1.0


def test_t25_bad_lines_are_named_by_number_and_counted_and_the_rest_goes_on(
    socli: Socli, tmp_path: Path
) -> None:
    good = json.dumps({"question": NORA, "answer": "40", "prediction": "40"})
    unknown = json.dumps({"question": IVO, "prediction": "3"})
    lines = [
        "\ufeff",
        "nonsense",
        good,
        "",
        "[1]",
        '{"question": "x"}',
        unknown,
        '{"prediction": [NaN]}',
        good,
    ]
    done = socli("bench", "--json", input="\n".join(lines))
    assert done.code == 0
    assert [(row["number"], row["correct"]) for row in done.rows] == [(3, True), (7, None), (9, True)]
    named = [line.split()[4] for line in done.told if line.startswith("left out: stdin line ")]
    assert named == ["1", "2", "5", "6", "8"]
    summary = json.loads(done.told[-1])
    assert (summary["n"], summary["skipped"]) == (2, 5)


def test_own_answers_are_kept_where_they_are_given_a_name(socli: Socli, home: Path, tmp_path: Path) -> None:
    theirs = jsonl(tmp_path / "theirs.jsonl", [{"question": NORA, "answer": "40", "prediction": "40"}])
    done = socli("bench", str(theirs), "--keep", "their-7b", "--json")
    assert json.loads(done.told[-1])["sets"][0]["model"] == "their-7b"
    assert sql(home / "socli.db", "SELECT model, set_name, status, n, correct FROM benches") == [
        ("their-7b", str(theirs), "done", 1, 1)
    ]
    assert "their-7b" in socli("benches", "their-7b").out


def test_t17_a_reader_of_own_answers_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    rows = [{"question": f"{NORA} {n}", "answer": "40", "prediction": "40"} for n in range(20_000)]
    command = f"{shlex.join(COMMAND)} bench {jsonl(tmp_path / 'many.jsonl', rows)} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["number"] == 1


def test_only_the_first_are_scored_where_a_limit_is_set(socli: Socli) -> None:
    answered = {"answer": "1", "prediction": "1"}
    rows = "".join(json.dumps({"question": f"{n}?"} | answered) + "\n" for n in range(9))
    assert len(socli("bench", "--limit", "4", input=rows).rows) == 4


def test_several_answers_to_each_problem_give_pass_and_majority_at_k(socli: Socli) -> None:
    rows = [{"question": NORA, "answer": "40", "prediction": said} for said in ("40", "40", "3")]
    done = socli("bench", "--samples", "--json", input="".join(json.dumps(row) + "\n" for row in rows))
    assert done.told[-2] == (
        "pass@3 100.0 % (95 % interval 20.7 to 100.0 %), maj@3 100.0 % (95 % interval 20.7 to 100.0 %)"
    )
    found = json.loads(done.told[-1])["samples"]
    assert [(at["k"], round(at["passes"]["value"], 4)) for at in found] == [(1, 0.6667), (2, 1.0), (3, 1.0)]
