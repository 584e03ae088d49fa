"""`socli report`, and what `socli bench` measures beside accuracy: noise, and what each part loses."""

import json
from pathlib import Path

import pytest
from command_line import Socli, sql


def test_runs_are_reported_in_the_terminal_on_a_page_and_as_tables(
    socli: Socli, trained: Path, four: Path, tmp_path: Path
) -> None:
    socli("bench", str(four))
    shown = socli("report", "by-heart")
    assert shown.code == 0
    assert f"{four.name}, calculator on" in shown.lines
    assert any(line.startswith("by-heart\t............[----------o\t100.0 %") for line in shown.lines)
    page, appendix = tmp_path / "out.html", tmp_path / "out.md"
    written = socli("report", "--html", str(page), "--markdown", str(appendix))
    assert (written.code, written.lines) == (0, [str(page), str(appendix)])
    assert page.read_text("utf-8").startswith('<!doctype html>\n<html lang="en">')
    assert "| by-heart | 100.0 % | 51.0 to 100.0 % | 4 | 1 |" in appendix.read_text("utf-8")
    assert socli("report", "--html", str(page)).code == 0  # a report is replaced
    assert socli("report", "--markdown", "-").out.startswith("# What the students learnt\n")


def test_a_file_that_is_no_report_is_not_replaced(
    socli: Socli, trained: Path, four: Path, tmp_path: Path
) -> None:
    socli("bench", str(four))
    mine = tmp_path / "mine.html"
    mine.write_text("my page", encoding="utf-8")
    done = socli("report", "--html", str(mine))
    assert (done.code, done.told[0]) == (2, f"error: {mine} is there already and is no report")
    assert mine.read_text("utf-8") == "my page"
    assert sorted(tmp_path.glob(".*partial")) == []


@pytest.mark.parametrize(("words", "code"), [(["nothing"], 3), (["--recipe", "gms8k"], 3), ([], 3)])
def test_what_is_not_there_is_a_sentence(words: list[str], code: int, socli: Socli) -> None:
    done = socli("report", *words)
    assert done.code == code
    assert done.told[0].startswith("error: ")


def test_noise_solves_four_times_and_counts_what_differs(socli: Socli, trained: Path, four: Path) -> None:
    done = socli("bench", str(four), "--noise", "--json")
    assert done.code == 0
    found = json.loads(done.told[-1])
    assert found["settings"] == [[32, "fp32"], [8, "fp32"], [32, "bf16"], [8, "bf16"]]
    assert (found["n"], len(found["sets"])) == (4, 4)
    assert len(done.rows) == found["answers"]
    assert sql(trained, "SELECT count(*) FROM benches WHERE status = 'done'") == [(4,)]
    assert socli("bench", "--noise", input='{"question": "How many?"}\n').code == 2


def test_one_student_alone_has_no_parts_to_swap(socli: Socli, trained: Path, four: Path) -> None:
    done = socli("bench", str(four), "--swap")
    assert (done.code, done.told[0]) == (2, "error: only a decomposer and a solver have parts to swap")
    assert sql(trained, "SELECT count(*) FROM predictions") == [(0,)]
