"""The paper's recipes: sizes, the table at the end of a report, the files behind it; all of it, slowly."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from command_line import Socli, jsonl, sql

from socli.problem import Problem
from socli.recipe import load, shipped
from socli.report.results import read, written
from socli.scheme import Scheme
from socli.stories import stories

PAPER = [name for name in shipped() if name.startswith("paper-")]
ROOT = Path(__file__).parents[2]
TABLES = ROOT / "docs" / "experiments" / "tables.py"
ALL = "answer, cot, unified, split, planned, count, equations"
QUICK = ["--set", "size=smoke", "--set", "bench.max_tokens=40", "--set", "bench.calculators=[false]"]


@pytest.fixture
def tables() -> ModuleType:
    """The script that fills the page."""
    spec = importlib.util.spec_from_file_location("tables", TABLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(found: dict[str, list[Problem]]) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Stories in the form of the three sets, by file."""
    for split, problems in found.items():
        yield (
            f"gsm8k/{split}_socratic.jsonl",
            [
                {
                    "question": one.question,
                    "answer": "".join(f"{step.question} ** {step.text}\n" for step in one.steps)
                    + f"#### {one.gold}",
                }
                for one in problems
            ],
        )
        yield (
            f"svamp/{split}.jsonl",
            [
                {
                    "ID": str(n),
                    "Body": f"Ira has {n} beads and {one.question}",
                    "Question": "How many?",
                    "Equation": f"( {n}.0 + 3.0 )",
                    "Answer": str(n + 3),
                    "Type": "Addition",
                }
                for n, one in enumerate(problems)
            ],
        )
        yield (
            f"strategyqa/{'dev' if split == 'test' else split}.jsonl",
            [
                {
                    "qid": str(n),
                    "question": f"{one.question} Is it more than {n}?",
                    "answer": n % 3 == 0,
                    "facts": ["A bead is small", one.question],
                    "decomposition": [step.question for step in one.steps],
                }
                for n, one in enumerate(problems)
            ],
        )


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three sets, each with a few problems made here."""
    split = {}
    for name, n in (("train", 12), ("test", 6)):
        told = stories(name, seed=0, steps=(2, 3))
        split[name] = [next(told) for _ in range(n)]
    for name, rows in files(split):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        jsonl(tmp_path / "data" / name, rows)
    monkeypatch.setenv("SOCLI_DATA", str(tmp_path / "data"))


# ---- quick


def test_the_recipes_have_the_sizes_that_were_promised(socli: Socli) -> None:
    assert PAPER == ["paper-gsm8k", "paper-stories", "paper-strategyqa", "paper-svamp"]
    for name in PAPER:
        small, full, smoke = (load(name, [f"size={size}"]) for size in ("small", "full", "smoke"))
        learnt = (small.problems.limit or 0) - small.train.dev
        assert (learnt, small.train.epochs, small.train.seeds, small.bench.limit) == (1000, 1, (1, 2), 500)
        assert set(smoke.arms) == set(full.arms)
        assert full.train.seeds[:3] == (1, 2, 3)
        assert {one.size for _, one in small.queue()} == {"small"}
        assert all((one.sizes, one.arms) == ({}, {}) for _, one in small.queue())
    assert list(load("paper-gsm8k", ["size=small"]).arms) == ["answer", "cot", "unified", "split"]
    shown = socli("recipes", "show", "paper-svamp", "--set", "train.seeds=[5]").lines
    assert [line for line in shown if line.startswith("# size ")] == [
        f"# size smoke: 7 runs (arms {ALL}; seeds 5), 8 problems, epochs 1, batches of 4,"
        " 4 problems of each bench set",
        "# size small: 4 runs (arms answer, cot, unified, split; seeds 5), 1,000 problems, epochs 1,"
        " batches of 4, 500 problems of each bench set",
        f"# size full: 7 runs (arms {ALL}; seeds 5), all problems, epochs 3, batches of 16,"
        " all problems of each bench set",
    ]


def test_one_arm_goes_from_training_to_a_page(
    socli: Socli, home: Path, tmp_path: Path, llama: Path, tables: ModuleType
) -> None:
    base = ["--set", f"student.base={llama}"]
    typed = socli("report", "--recipe", "paper-stories", "--set", "size=smoke")
    assert (typed.code, typed.told[1]) == (2, "hint: --size smoke")
    missing = socli("report", "--recipe", "paper-stories", "--size", "smoke")
    assert (missing.code, missing.told[1]) == (
        3, "hint: socli distill --recipe paper-stories --set size=smoke",
    )  # fmt: skip
    assert socli("distill", "-r", "paper-stories", *QUICK, *base, "--arm", "answer").code == 0
    assert socli("bench", "-r", "paper-stories", *QUICK[:4], *base, "stories:test").code == 0
    assert sql(home / "socli.db", "SELECT calculator, n FROM benches ORDER BY rowid") == [(1, 4), (0, 4)]
    repeat = socli("runs", "show", "paper-stories").lines[-1]
    assert repeat.startswith("repeat it: socli distill --recipe paper-stories --set size=smoke --set ")
    other = socli("bench", "-r", "paper-stories", "--set", "size=small", *base)
    assert other.told == [
        "error: there is no finished run of recipe paper-stories yet",
        f"hint: socli distill --recipe paper-stories --set size=small --set student.base={llama}",
    ]

    printed = socli("report", "-r", "paper-stories", "--size", "smoke").lines
    at = printed.index(
        f"paper-stories, size smoke, {llama.name}: stories:test steps 1-6 seed 0, calculator off"
    )
    assert printed[at + 1].startswith("arm\tscheme\tright\t")
    assert printed[at + 2].startswith("answer\tanswer\t")
    assert [line.split("\t")[0] for line in printed[at + 3 : at + 9] if "not measured yet" in line] == [
        "cot", "unified", "split", "planned", "count", "equations",
    ]  # fmt: skip

    regions = "<!-- results paper-stories smoke -->\nold\n{0}<!-- results paper-svamp full -->\n{0}"
    page = regions.format("<!-- end -->\n")
    folder = tmp_path / "results"
    done = socli("report", "-r", "paper-stories", "--results", str(folder))
    assert done.lines == [str(folder / f"paper-stories-smoke-{llama.name}{end}") for end in (".json", ".svg")]
    filled = tables.filled(page, folder)
    assert "old" not in filled
    assert (
        f"#### paper-stories, size smoke, {llama.name}: stories:test steps 1-6 seed 0, calculator on"
        in filled
    )
    assert filled.endswith("<!-- results paper-svamp full -->\n\nNot measured yet.\n\n<!-- end -->\n")
    assert tables.filled(filled, folder) == filled

    html, markdown = tmp_path / "page.html", tmp_path / "tables.md"
    assert socli("report", "-r", "paper-stories", "--html", str(html), "--markdown", str(markdown)).code == 0
    assert f">{printed[at]}</h2>" in html.read_text()
    assert f"## {printed[at]}\n" in markdown.read_text()

    (folder / f"paper-stories-smoke-{llama.name}.json").write_text("mine")
    refused = socli("report", "-r", "paper-stories", "--results", str(folder))
    assert (refused.code, refused.told[0].endswith("is there already and is none of its results")) == (
        2,
        True,
    )


def test_the_questions_of_the_page_are_answered_by_the_paired_tests(
    tmp_path: Path, tables: ModuleType
) -> None:
    file = ROOT / "docs" / "experiments" / "paper-gsm8k-small-smollm2-135m.json"
    real = read(file.read_text(), file.name)
    arms = {one.arm: one for one in real.entries if one.calculator}
    items = replace(real.items[0], ids=tuple(map(str, range(300))), steps=(2,) * 300)
    entries = (
        replace(arms["unified"], verdicts="1" * 300),
        replace(arms["cot"], verdicts="0" * 280 + "1" * 20),
        replace(arms["unified"], arm="unified-bare", scheme=Scheme(facts=False), verdicts="0" * 300),
    )
    (tmp_path / "x.json").write_text(written(replace(real, items=(items,), entries=entries, curves=())))
    lines = tables.answers(tmp_path).split("\n")
    assert lines[0] == "| question | paper-gsm8k, small |"
    assert "| Does asking itself beat working in steps? (unified, cot) | yes (+93.3 points) |" in lines
    assert "| Do facts help one that asks? (unified, unified-bare) | yes (+100.0 points) |" in lines
    assert "| Do two in turns beat one? (split, unified) | not measured |" in lines


def test_results_and_sizes_are_those_of_a_recipe(socli: Socli) -> None:
    for option, value in (("--results", "x"), ("--size", "small")):
        done = socli("report", option, value)
        assert (done.code, done.told[1]) == (2, "hint: name one with --recipe")


# ---- slow


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER)
def test_the_smallest_size_runs_from_end_to_end(
    name: str, socli: Socli, home: Path, tmp_path: Path, llama: Path, data: None
) -> None:
    words = ["--recipe", name, *QUICK[:4], "--set", f"student.base={llama}"]
    assert socli("distill", *words).code == 0
    arms = list(load(name).arms)
    assert sql(home / "socli.db", "SELECT arm, status FROM runs ORDER BY rowid") == [
        (arm, "done") for arm in arms
    ]
    assert socli("bench", *words).code == 0
    made = load(name)
    benches = len(arms) * len(made.bench.sets) * len(made.bench.each())
    counted = "SELECT count(*), min(n), min(status) FROM benches"
    assert sql(home / "socli.db", counted) == [(benches, 4, "done")]
    assert socli("bench", *words).code == 0
    assert sql(home / "socli.db", counted) == [(benches, 4, "done")]

    done = socli("report", "--recipe", name, "--size", "smoke", "--results", str(tmp_path / "results"))
    file, picture = done.lines
    assert Path(picture).read_text().count("<polyline") >= len(arms)
    told = json.loads(Path(file).read_text())
    assert [one["arm"] for one in told["entries"]].count("answer") == benches // len(arms)
    assert all(len(one["verdicts"]) == 4 and set(one["verdicts"]) <= {"0", "1"} for one in told["entries"])
    asked = [one for one in told["entries"] if one["scheme"]["name"] == "socratic"]
    assert asked
    assert all(one["bleu"] is not None and one["same_count"] is not None for one in asked)
    assert (told["items"][0]["majority"] is not None) == (name == "paper-strategyqa")
