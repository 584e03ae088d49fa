"""Self-training on the command line: a run draws solutions of its problems, the next learns them."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Process, Socli, sql
from test_sampling import as_if_drawn

from socli import recipe as recipes
from socli.store import Store

SHORT = ["--set", "train.epochs=1", "--set", "bench.max_tokens=40", "--set", "sampling.samples=1"]
DRAWN = "SELECT problem, sample, reply, verdict FROM traces WHERE teacher LIKE 'run:%' ORDER BY 1, 2"


def test_a_run_draws_solutions_and_says_so(socli: Socli, home: Path, by_heart: Path) -> None:
    done = socli("distill", "--recipe", str(by_heart), *SHORT, "--set", "train.rounds=1")
    assert (done.code, done.out) == (0, "")
    ((run,),) = sql(home / "socli.db", "SELECT id FROM runs")
    assert done.told[1] == "round 0 of 1"
    drawing = done.told[done.told.index(f"drawing 4 solutions with run:{run}, 0 done before") :]
    counted = [line for line in drawing if line.startswith("4 of 4 drawn, 0 of 4 kept (0.0 %), ")]
    assert len(counted) == 1
    assert " tokens written" in counted[0]
    assert drawing[drawing.index(counted[0]) + 1 :][:2] == [
        "0 samples with new equations, of 0 problems, are learnt from too",
        "round 1 would learn the same again, so it is left out",
    ]
    assert sql(home / "socli.db", "SELECT count(*) FROM traces WHERE verdict = 'refused'") == [(4,)]
    told = socli("distill", "--recipe", str(by_heart), *SHORT, "--set", "train.rounds=1", "--json").told
    events = [json.loads(line) for line in told if line.startswith("{")]
    assert [event["event"] for event in events] == ["noted", "annotatebegan", "noted", "noted"]
    assert (events[1]["teacher"], events[1]["done"]) == (f"run:{run}", 4)


@pytest.fixture
def two_rounds(socli: Socli, home: Path, by_heart: Path) -> tuple[str, str]:
    """The ids of a run and of the run of a further round, whose recipe is by-heart with `SHORT`."""
    assert socli("distill", "--recipe", str(by_heart), *SHORT).code == 0
    with Store(home / "socli.db") as store:
        loaded = recipes.load(str(by_heart), [word for word in SHORT if word != "--set"])
        as_if_drawn(store, loaded, "That is <<12+28=40>>40.")
    assert socli("distill", "--recipe", str(by_heart), *SHORT, "--set", "train.rounds=1").code == 0
    one, other = (id for (id,) in sql(home / "socli.db", "SELECT id FROM runs ORDER BY rowid"))
    return one, other


def test_the_last_round_answers_and_says_which_it_is(
    socli: Socli, home: Path, by_heart: Path, four: Path, two_rounds: tuple[str, str]
) -> None:
    first, second = two_rounds
    assert [line.split("\t")[4] for line in socli("runs").lines] == [
        "socratic unified, round 1",
        "socratic unified",
    ]
    assert [row["round"] for row in socli("runs", "list", "--json").rows] == [1, 0]
    shown = socli("runs", "show", second).lines
    assert "socratic unified, round 1, seed 1" in shown[0]
    assert shown[1].endswith(f"5 traces, 1 of them samples of {first}")
    assert "--set train.rounds=1" in shown[-1]
    bench = ["bench", "--recipe", str(by_heart), *SHORT[2:4], "--json"]
    for more, run in (([], second), (["--set", "train.rounds=1"], second)):
        summary = json.loads(socli(*bench, *more).told[-1])
        assert [card["model"] for card in summary["sets"]] == [run]
    missing = socli(*bench, "--set", "train.rounds=2")
    assert [card["model"] for card in json.loads(missing.told[-1])["sets"]] == [second]
    assert missing.told[0].startswith("not trained yet: seed 1, round 2; next: socli distill ")
    assert socli("bench", str(four), "--run", first).code == 0
    report = socli("report", "--recipe", str(by_heart))
    assert (report.code, [line.split("\t")[0] for line in report.lines[1:3]]) == (
        0,
        ["by-heart", "by-heart round 1"],
    )


def test_t1_a_queue_killed_while_it_draws_draws_the_rest(
    socli: Socli, start: Callable[..., Process], home: Path, by_heart: Path
) -> None:
    one_at_a_time = ["--set", "bench.batch=1", "--set", "sampling.samples=2", "--set", "train.rounds=1"]
    command = ["distill", "--recipe", str(by_heart), *SHORT, *one_at_a_time]
    killed = start(*command, "--json")
    killed.read_until('"event": "judged"')
    killed.send(signal.SIGKILL)
    assert killed.end().code == -signal.SIGKILL
    before = sql(home / "socli.db", DRAWN)
    assert len(before) in (2, 4, 6)  # problems are stored whole
    told = socli(*command, "--json").told
    (began,) = [json.loads(line) for line in told if '"annotatebegan"' in line]
    assert (began["total"], began["done"]) == (8, len(before))
    after = sql(home / "socli.db", DRAWN)
    assert len(after) == 8
    assert set(before) <= set(after)


# ---- a student as a teacher


def test_a_student_annotates(socli: Socli, trained: Path, by_heart: Path) -> None:
    ((run,),) = sql(trained, "SELECT id FROM runs")
    how = ["--set", "teacher.samples=2", "--set", "teacher.temperature=0.7"]
    done = socli("annotate", "--recipe", str(by_heart), "--teacher", f"run:{run}", *how)
    assert (done.code, done.out) == (0, "")
    assert f"with run:{run}, all in all: 8 asked" in " ".join(done.told)
    assert len(sql(trained, DRAWN)) == 8
    learn = [*how, "--set", f"teacher.model=run:{run}", "--set", "train.epochs=1"]
    assert socli("distill", "--recipe", str(by_heart), *learn).code == 0
    ((note,),) = sql(trained, "SELECT note FROM runs ORDER BY rowid DESC LIMIT 1")
    assert note.endswith(f" of them samples of {run}")


def test_what_only_a_server_can_do_is_refused(socli: Socli, trained: Path, by_heart: Path) -> None:
    ((run,),) = sql(trained, "SELECT id FROM runs")
    student = ["annotate", "--recipe", str(by_heart), "--teacher", f"run:{run}"]
    done = socli(*student, "--probe", "2", "--set", "teacher.guided=true")
    assert (done.code, done.told) == (
        2,
        [
            "error: a student draws its solutions here, without a server",
            "hint: leave out --probe, teacher.guided",
        ],
    )
    named = socli("annotate", "--recipe", str(by_heart), "--teacher", "run:by-heart")
    assert (named.code, named.told[-1]) == (2, f"hint: say run:{run}")
    assert socli("annotate", "--recipe", str(by_heart), "--teacher", "run:nobody").code == 3
    answers = socli(*student, "--set", "scheme.name=answer")
    assert answers.code == 0  # it is the student that must write steps


def test_t19_answers_alone_are_not_drawn(socli: Socli, home: Path, by_heart: Path) -> None:
    words = ["--set", "scheme.name=answer", "--set", "train.rounds=2"]
    done = socli("distill", "--recipe", str(by_heart), *words)
    said = [line for line in done.told if line.startswith(("error:", "hint:"))]
    assert (done.code, said) == (
        2,
        [
            "error: samples are worth learning for their steps, and the scheme `answer` writes none",
            "hint: let another scheme be sampled, or leave train.rounds at 0",
        ],
    )
    assert not (home / "socli-runs").exists()
    typed = socli("distill", "--recipe", str(by_heart), "--set", "train.round=1")
    assert (typed.code, typed.told[-1]) == (2, "hint: did you mean `rounds`?")
