"""The pages say what the code does: generated parts, links, commands, queries, names of modules."""

import importlib.util
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from socli import __version__
from socli.cli import app
from socli.store.migrations import schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
GENERATED = [README, *sorted((DOCS / "reference").glob("*.md"))]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def script(called: str) -> ModuleType:
    """A file of docs/ as a module; docs/ is no package."""
    spec = importlib.util.spec_from_file_location(called, DOCS / f"{called}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# what is generated


@pytest.mark.parametrize("columns", ["80", "200"])
def test_what_cog_writes_is_up_to_date_in_any_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    pages = [name(page) for page in GENERATED]
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", *pages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run `make docs`: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_the_tables_of_the_experiment_are_those_of_its_results() -> None:
    tables = script("experiments/tables")
    assert tables.filled(page_of(tables.PAGE), tables.HERE) == page_of(tables.PAGE), (
        "run `python docs/experiments/tables.py`"
    )


def test_the_picture_is_what_the_renderer_draws() -> None:
    picture = script("picture")
    assert page_of(picture.FILE) == picture.drawn(), "run `python docs/picture.py`"


def test_a_measured_score_is_shown_beside_its_recipe(tmp_path: Path) -> None:
    generate = script("generate")
    assert set(generate.scores()) <= {"gsm8k", "gsm8k-equations", "quickstart", "strategyqa", "svamp"}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "experiments.md").write_text(
        "## Recipes as they ship\n\n"
        "| recipe | set | problems | accuracy | 95 % interval | calculator | weights | date |\n"
        "|---|---|---|---|---|---|---|---|\n"
        "| `quickstart` | `stories:test` | 100 | 72.0 % | 62.5 to 79.9 % | on | Q4_1 | 2026-11-24 |\n"
        "| `gsm8k` | `gsm8k:test` | | not measured yet | | | | |\n\n"
        "## Another table\n\n| `svamp` | `svamp:test` | 1 | 1.0 % | 0 to 2 % | on | x | y |\n",
        encoding="utf-8",
    )
    generate.ROOT = tmp_path
    assert generate.scores() == {"quickstart": "72.0 % (62.5 to 79.9 %) of 100 `stories:test`, calculator on"}


def test_every_recipe_has_a_line_among_the_experiments() -> None:
    section = page_of(DOCS / "experiments.md").partition("## Recipes as they ship")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in (ROOT / "recipes").glob("*.toml"))


# commands


def test_every_command_has_help_and_a_place_in_the_reference() -> None:
    page = page_of(DOCS / "reference" / "cli.md")
    paths = []
    for command, context in script("generate").walk():
        paths.append(context.command_path)
        assert command.help, context.command_path
        assert f"## `{context.command_path}`\n" in page
    assert {"socli annotate", "socli distill", "socli solve", "socli bench", "socli runs list"} <= set(paths)


def typed(text: str) -> Iterator[list[str]]:
    """The words after each `socli` that someone wrote: in code blocks, in running text, behind a pipe."""
    text = re.sub(r"^\]\]\] -->.*?^<!-- \[\[\[end", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```|^    .*?$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = re.findall(r"`((?:[^`\n]*\| )?socli [^`]*)`", prose)
    for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines += block.replace("\\\n", " ").splitlines()
    for line in lines:
        lexer = shlex.shlex(" ".join(line.split()), posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[str] | None = None
        for word in [*lexer, "|"]:
            if re.fullmatch(r"[|&;<>]+", word):
                if words is not None:
                    yield words
                words = None
            elif words is not None:
                words.append(word)
            elif word == "socli" or word.endswith("/socli"):
                words = []


def parse(words: list[str]) -> None:
    """Read the words as the shell's socli would, without running anything; raises where they do not fit."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("socli", list(words))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        _, command, rest = command.resolve_command(context, rest)
        context = command.make_context(command.name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_line_that_is_shown_can_be_typed(page: Path) -> None:
    for words in typed(page_of(page)):
        try:
            parse(words)
        except Exception as error:
            raise AssertionError(f"{name(page)}: socli {shlex.join(words)}: {error}") from error


def test_command_lines_are_found_wherever_they_stand() -> None:
    page = (
        "Type `socli runs list`, or `head -1 x | socli bench`.\n\n"
        "```sh\nA=1 .venv/bin/socli solve 'a | b'  # socli is not typed here\n"
        "socli bench a.jsonl \\\n  b.jsonl > c; cat c\n```\n\n```text\nsocli nothing\n```\n"
    )
    assert list(typed(page)) == [
        ["runs", "list"],
        ["bench"],
        ["solve", "a | b"],
        ["bench", "a.jsonl", "b.jsonl"],
    ]


@pytest.mark.parametrize("wrong", ["bench --nothing", "frobnicate", "runs show", "annotate --limit many"])
def test_a_command_line_that_cannot_be_typed_is_noticed(wrong: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing|valid integer"):
        parse(wrong.split())


# the README


def test_the_readme_is_no_longer_than_150_lines() -> None:
    assert len(page_of(README).splitlines()) <= 150


def test_the_file_tree_of_the_readme_names_every_module_in_six_words() -> None:
    tree = page_of(README).partition("\nsocli/\n")[2].partition("```")[0]
    told = dict(re.findall(r"^  (\S+)\s+(\S.*)$", tree, re.MULTILINE))
    source = ROOT / "socli"
    modules = {path.stem for path in source.glob("*.py") if not path.stem.startswith("__")}
    folders = {f"{path.parent.name}/" for path in source.glob("*/__init__.py")}
    assert set(told) == modules | folders
    assert {module: words for module, words in told.items() if len(words.split()) > 6} == {}


# pages


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = page_of(page)
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.is_relative_to(ROOT), f"{target} leaves the project"
        assert aim.exists(), f"{target} is not there"
        if heading:
            assert heading in headings(page_of(aim)), f"{target} has no such heading"


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: letters, digits, `-` and `_`."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def test_every_page_is_reached_from_the_index() -> None:
    linked = set(re.findall(r"\]\(([^)#\s]+)", page_of(DOCS / "index.md")))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"}
    assert pages - linked == set()


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_its_parts_on_one_screen(page: Path) -> None:
    text = page_of(page)
    assert len(text.splitlines()) <= 40
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert re.search(r"^- Status: \w", text, re.MULTILINE)
    assert re.search(r"^- Date: 20\d\d-\d\d-\d\d$", text, re.MULTILINE)


def test_the_version_has_a_heading_in_the_changelog() -> None:
    found = re.findall(r"^## \[([^\]]+)\]", page_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert found[0] == "Unreleased"
    assert len(found) == 1 or __version__ in found


# the store


def test_the_six_queries_run_on_an_empty_store() -> None:
    queries = re.findall(r"^```sql\n(SELECT.*?)^```", page_of(DOCS / "reference" / "store.md"), re.M | re.S)
    assert len(queries) == 6
    with closing(sqlite3.connect(":memory:")) as store:
        store.executescript(schema())
        for query in queries:
            assert store.execute(query).fetchall() == []
