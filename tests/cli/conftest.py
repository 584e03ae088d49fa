"""The command line as a test types it: in this process, in one of its own, in a terminal."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from command_line import Process, Ran, Socli, Terminal, jsonl, recipe
from doubles import PROBLEMS
from typer.testing import CliRunner

FOUR = [
    {"question": p.question, "answer": p.gold, "steps": [asdict(step) for step in p.steps]} for p in PROBLEMS
]


@pytest.fixture
def socli() -> Socli:
    """Runs a command in this process: `socli("runs", "list")`. Whatever is no exit fails the test."""
    from socli.cli import app

    def run(*words: str, input: str | None = None) -> Ran:
        done = CliRunner().invoke(app, list(words), input=input)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def llama(student_folders: dict[str, Path]) -> Path:
    """The folder of a random Llama."""
    import torch

    import socli.engine.student  # noqa: F401  sets the number of threads when it is imported

    torch.set_num_threads(1)  # the students here are too small for two
    return student_folders["llama"]


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Four problems with their steps, as a JSONL file."""
    return jsonl(tmp_path / "four.jsonl", FOUR)


@pytest.fixture
def by_heart(tmp_path: Path, four: Path, llama: Path) -> Path:
    """A recipe that learns the four problems by heart."""
    return recipe(tmp_path, "by-heart", four, llama)


@pytest.fixture(scope="session")
def _trained_once(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    """A folder with a store and a run that knows the four problems."""
    from socli.cli import app

    folder = tmp_path_factory.mktemp("trained")
    by_heart = recipe(folder, "by-heart", jsonl(folder / "four.jsonl", FOUR), llama)
    done = CliRunner().invoke(app, ["distill", "-r", str(by_heart), "--store", str(folder / "socli.db")])
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def trained(home: Path, _trained_once: Path) -> Path:
    """A home whose last good run, called by-heart, knows the four problems; the path of its store."""
    shutil.copytree(_trained_once, home)
    return home / "socli.db"


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts processes, and ends those that a failed test left."""
    started: list[Process] = []

    def run(*words: str) -> Process:
        started.append(Process(*words))
        return started[-1]

    yield run
    for process in started:
        if process.child.poll() is None:
            process.child.kill()
            process.child.communicate()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Opens terminals, and closes those that a failed test left."""
    opened: list[Terminal] = []

    def open_(*words: str, **size: int) -> Terminal:
        opened.append(Terminal(*words, **size))
        return opened[-1]

    yield open_
    for one in opened:
        one.child.close(force=True)
