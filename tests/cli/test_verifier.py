"""A verifier on the command line: from the samples of a run to votes that are weighed."""

import json
import re
from pathlib import Path

import pytest
from command_line import Socli, sql

NORA = "Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?"
VERIFY = ["--set", "scheme.name=verify", "--set", "train.epochs=2"]


@pytest.fixture
def verifier(socli: Socli, trained: Path, by_heart: Path) -> tuple[str, str]:
    """The ids of the run that knows the four problems, and of a verifier that learns from its samples."""
    ((run,),) = sql(trained, "SELECT id FROM runs")
    for samples, temperature in ((2, 0.2), (6, 1.3)):  # right ones, and others
        how = ["--set", f"teacher.samples={samples}", "--set", f"teacher.temperature={temperature}"]
        socli("annotate", "--recipe", str(by_heart), "--teacher", f"run:{run}", *how)
    done = socli("distill", "--recipe", str(by_heart), "--set", f"teacher.model=run:{run}", *VERIFY)
    assert (done.code, done.out) == (0, "")
    ((other, note),) = sql(trained, "SELECT id, note FROM runs WHERE scheme = 'verify'")
    (told,) = [line for line in done.told if " samples of 4 problems: " in line]
    every, right, wrong = re.findall(r"(\d+) (?:samples|right|wrong)", told)
    assert note == f"{every} traces, {every} of them samples of {run}"
    learnt = (
        "SELECT verdict, count(*) FROM traces WHERE teacher LIKE 'run:%' AND reason IN ('', 'wrong answer')"
    )
    assert sql(trained, f"{learnt} GROUP BY 1") == [("kept", int(right)), ("refused", int(wrong))]
    assert done.told[-1] == (
        f"next: socli bench --recipe {by_heart} --set teacher.model=run:{run} --set scheme.name=verify"
        f" --set train.epochs=2 --run {run} --votes 5 --verifier {other}"
    )
    return run, other


def refuse_to_solve(socli: Socli, other: str, four: Path) -> None:
    """A verifier is no answer to a problem, here or on a server."""
    for command in (
        ["solve", NORA],
        ["bench", str(four)],
        ["bench", str(four), "--base-url", "http://[::1]:9"],
    ):
        refused = socli(*command, "--run", other)
        assert (refused.code, refused.told[-2:]) == (
            2,
            [
                f"error: run {other} is a verifier: it weighs what others write and solves nothing",
                f"hint: let it weigh samples of another run: --run RUN --votes 5 --verifier {other}",
            ],
        )


def test_votes_are_weighed_by_a_run_that_learnt_from_samples(
    socli: Socli, trained: Path, by_heart: Path, four: Path, tmp_path: Path, verifier: tuple[str, str]
) -> None:
    run, other = verifier
    words = ["bench", str(four), "--votes", "3", "--temperature", "0.9", "--ordered"]
    done = socli(*words, "--verifier", other, "--run", run)
    assert (done.code, [0 < row["confidence"] <= 1 for row in done.rows if row["answer"]]) == (0, [True] * 4)
    ((model, of, settings),) = sql(trained, "SELECT model, run, settings FROM benches")
    assert (model, of) == (f"{run}, 3 votes, verifier {other}", None)
    assert json.loads(settings)["verifier"] == other
    again = socli(*words, "--verifier", other)  # the last good run is no verifier
    assert again.told[0].endswith(", 4 done before")
    assert again.out == done.out
    by_name = socli(*words, "--verifier", other, "--run", "by-heart")  # nor is a name that others have too
    assert by_name.out == done.out
    plain = socli(*words)
    assert " 4 done before" not in plain.told[0]
    asked = ["solve", NORA, "--votes", "2", "--temperature", "0.2", "--json"]
    solved = socli(*asked, "--verifier", other).rows[-1]["prediction"]
    assert (solved["answer"], solved["shares"]) == ("40", [1.0])

    refuse_to_solve(socli, other, four)
    neither = socli(*words, "--verifier", run)
    assert (neither.code, neither.told[-2]) == (
        2,
        f"error: run {run} solves problems and is no verifier",
    )
    assert [line.split("\t")[4] for line in socli("runs").lines] == ["verify", "socratic unified"]
    repeat = socli("runs", "show", other).lines[-1]
    assert repeat.endswith(
        f" --set teacher.model=run:{run} --set scheme.name=verify --set train.epochs=2 --again"
    )
    socli("bench", str(four), "--run", run)
    report = socli("report", run, other)
    assert (report.code, [line.split("\t")[0] for line in report.lines[1:3]]) == (
        0,
        ["by-heart socratic, unified", "by-heart verify"],
    )
    folder = tmp_path / "weighs"
    assert socli("export", other, str(folder)).code == 0
    card = (folder / "README.md").read_text()
    assert "#### 30\nRight:{+ yes+}" in card
    assert "It solves nothing." in card
    away = socli("solve", NORA, "--votes", "2", "--temperature", "0.2", "--verifier", str(folder), "--json")
    assert away.rows[-1]["prediction"]["shares"] == [1.0]


@pytest.mark.parametrize("command", [["solve", NORA], ["bench", "stories:test"]])
def test_one_sample_is_not_weighed(socli: Socli, trained: Path, command: list[str]) -> None:
    done = socli(*command, "--verifier", "by-heart")
    assert (done.code, done.told) == (
        2,
        ["error: --verifier weighs samples, and there is one alone", "hint: ask for more: --votes 5"],
    )


def test_a_verifier_without_samples_says_what_draws_them(socli: Socli, trained: Path, by_heart: Path) -> None:
    done = socli("distill", "--recipe", str(by_heart), *VERIFY)
    assert (done.code, done.told[-1]) == (
        2,
        "hint: --set teacher.model=run:ID, whose samples `socli annotate --teacher run:ID` draws",
    )
    ((run,),) = sql(trained, "SELECT id FROM runs")
    words = ["--recipe", str(by_heart), *VERIFY, "--set", f"teacher.model=run:{run}"]
    none = socli("distill", *words)
    assert (none.code, none.told[-2]) == (3, "error: there is no kept trace to learn from")
