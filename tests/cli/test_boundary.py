"""What holds for every command: how errors, stops, streams and stores that cannot be used end."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD

import pytest
import typer
from command_line import COMMAND, PATIENCE, Process, Socli, listing
from doubles import PROBLEMS

from socli.store import Store

HEAVY = [
    *("torch", "transformers", "datasets", "pandas", "pyarrow", "openai", "sqlite_utils", "numpy"),
    *("huggingface_hub", "socli.store", "socli.stories"),
]
READERS = [
    ["runs", "list"],
    ["runs", "show", "x"],
    ["traces", "list"],
    ["store", "check"],
    ["solve", "What is 1+1?"],
    ["bench", "stories:test"],
    ["annotate", "--limit", "1"],
    ["distill", "--set", "problems.limit=1"],
]
"""Commands that open the store."""


def modules_after(*words: str) -> set[str]:
    """What a fresh interpreter has imported when a command has ended."""
    script = (
        "import sys\nfrom socli.cli import app\ntry:\n    app(sys.argv[1:])\nexcept SystemExit:\n"
        "    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["distill", "--help"], ["distill", "--set", "train.lr=nan"], ["recipes"]],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(words: list[str]) -> None:
    assert modules_after(*words).isdisjoint(HEAVY)


def test_looking_at_the_store_needs_no_torch(home: Path) -> None:
    with Store(home / "socli.db"):
        pass
    for words in (["runs"], ["traces"]):
        assert modules_after(*words).isdisjoint({"torch", "transformers", "datasets", "pandas"})


def test_the_app_is_a_typer_app_with_every_command() -> None:
    from socli.cli import app

    assert isinstance(app, typer.Typer)
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    assert names >= {"annotate", "distill", "solve", "bench", "problems", "doctor"}
    assert groups >= {"models", "recipes", "runs", "store", "traces"}


def test_the_version_is_one_line(socli: Socli) -> None:
    from socli import __version__

    assert socli("--version").out == f"socli {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benhc"], "Did you mean 'bench', 'benches'?"),
        (["runs", "lst"], "Did you mean 'list'?"),
        (["solve", "--rum", "x"], "No such option: --rum"),
        (["solve", "--run"], "Option '--run' requires an argument"),
        (["bench", "--limit", "0"], "greater than or equal to"),
        (["bench", "--kind", "colour"], "'number', 'yes/no', 'text'"),
    ],
)
def test_what_is_not_a_command_or_option_is_2(words: list[str], said: str, socli: Socli) -> None:
    done = socli(*words)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.err).split())


# stores that cannot be used


def test_t15_a_store_of_a_newer_version_is_refused_and_left_as_it_is(socli: Socli, home: Path) -> None:
    home.mkdir()
    with Store(home / "socli.db") as store:
        store.add_problems("s", PROBLEMS)
    with closing(sqlite3.connect(home / "socli.db")) as connection:
        last = "(SELECT max(name) FROM _sqlite_migrations)"
        connection.execute(f"UPDATE _sqlite_migrations SET name = 'm999_future' WHERE name = {last}")
        connection.commit()
        connection.execute("PRAGMA journal_mode = DELETE")
    refused_and_left(socli, home, "was written by a newer socli (it has `m999_future`)", "update socli")


def test_t15_a_file_that_is_no_database_is_refused_and_left_as_it_is(socli: Socli, home: Path) -> None:
    home.mkdir()
    (home / "socli.db").write_text("question,answer\n" * 300)
    refused_and_left(socli, home, "is not a socli store", "name another with --store")


def test_t15_a_damaged_store_is_refused_and_left_as_it_is(socli: Socli, home: Path) -> None:
    home.mkdir()
    with Store(home / "socli.db") as store:
        store.add_problems("s", PROBLEMS)
    whole = (home / "socli.db").read_bytes()
    (home / "socli.db").write_bytes(whole[: len(whole) // 2])
    refused_and_left(socli, home, "is damaged", "`socli doctor` examines it")


def refused_and_left(socli: Socli, home: Path, sentence: str, hint: str) -> None:
    """Every command that opens the store says so, with 74, and changes no byte."""
    before = (home / "socli.db").read_bytes()
    for words in READERS:
        done = socli(*words)
        assert (done.code, done.out) == (74, "")
        assert len(done.told) == 2
        assert done.told[0].startswith("error: ")
        assert sentence in done.told[0]
        assert done.told[1].startswith("hint: the file was left as it is; ")
        assert hint in done.told[1]
    assert (home / "socli.db").read_bytes() == before
    assert list(listing(home)) == ["socli.db"]


@pytest.fixture
def powerless(socli: Socli) -> Iterator[Path]:
    """A home in which this process may not write, also when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="socli-test-"))
    with Store(folder / "socli.db") as store:
        store.add_problems("s", PROBLEMS)
    for words in READERS:  # loads, while it may, what a command imports
        socli(*words, "--store", str(folder / "no" / "folder.db"))
    shutil.rmtree(folder / "no")
    (folder / "socli.db").chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            try:
                os.seteuid(65534)  # nobody, whom permissions hold
            except OSError:
                pytest.skip("root may not become another user here, and permissions do not hold root")
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_t15_a_read_only_folder_is_a_sentence(
    socli: Socli, powerless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCLI_HOME", str(powerless))
    for words in READERS:
        done = socli(*words)
        assert (done.code, done.out) == (74, "")
        assert done.told[0].startswith(f"error: the store {powerless / 'socli.db'} cannot be ")
        assert "--store" in done.told[1]
    monkeypatch.setenv("SOCLI_HOME", str(powerless / "deeper"))
    for words in [*READERS, ["models", "fetch", "gpt2"], ["doctor"]]:
        done = socli(*words)
        assert (done.code, done.out) == (74, "")
        assert (
            done.told
            == [
                f"error: cannot make the folder {powerless / 'deeper'}: Permission denied",
                "hint: set SOCLI_HOME or --store to a place that can be written",
            ]
            or words[0] == "models"
        )


@pytest.mark.parametrize("name", ["a" * 300, f"{'a/' * 40}x.db"])
def test_t20_a_store_may_lie_anywhere_that_can_be_written(name: str, socli: Socli, tmp_path: Path) -> None:
    done = socli("runs", "list", "--store", str(tmp_path / name))
    assert done.code == (74 if len(name) == 300 else 0)
    assert "Traceback" not in done.err


# streams


def shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A line as a shell runs it; `socli` stands for the command."""
    line = line.replace("socli", " ".join(COMMAND))
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=os.environ | env, check=False
    )


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@needs_full
@pytest.mark.parametrize(
    "words", ["problems stories:test --json", "problems stories:test", "--help", "recipes"]
)
def test_t17_a_full_disk_behind_stdout_is_74(words: str) -> None:
    done = shell(f"socli {words} > /dev/full")
    assert (done.returncode, done.stderr) == (74, "error: writing failed: No space left on device\n")


@pytest.mark.parametrize(
    "words", ["problems stories:test -n 900 --json", "problems stories:test -n 300", "--help"]
)
def test_t17_a_reader_that_has_seen_enough_is_no_error(words: str) -> None:
    done = shell(f"socli {words} | head -1; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("words", ["problems stories:test", "runs list --json", "--version", "models"])
def test_t17_a_closed_stdout_is_no_error(words: str) -> None:
    done = shell(f"socli {words} >&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("number", "code", "said"), [(2, 130, "stopped"), (15, 143, "terminated")])
@pytest.mark.parametrize("words", [["problems", "-"], ["rescore", "-"], ["solve", "-"]], ids=" ".join)
def test_t18_whoever_is_stopped_says_so_in_a_word_and_by_its_exit_code(
    words: list[str], number: int, code: int, said: str, start: Callable[..., Process], home: Path
) -> None:
    process = start(*words)
    process.type('{"question": "What is 1+1?", "answer": "2", "prediction": "2"}\n')
    deadline = time.monotonic() + PATIENCE
    while ioctl(process.stdin.fileno(), FIONREAD, bytes(4)) != bytes(4):  # until it was read
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)  # reads on
    process.send(number)
    done = process.end()
    assert (done.code, done.told[-1:]) == (code, [said])
    assert "Traceback" not in done.err


def test_t17_a_closed_stdin_is_an_empty_one() -> None:
    done = shell("socli solve <&-")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: there is no question")


def test_t17_progress_that_nobody_reads_stops_the_work_and_says_so_by_75() -> None:
    done = shell("socli annotate --limit 2000 2>&1 | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (75, "")


def test_t12_a_stream_that_lacks_a_sign_gets_another(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"question": "Wie groß ist 1+1?", "answer": "2"}', encoding="utf-8")
    tree = shell(f"socli problems {tmp_path}/x.jsonl", PYTHONIOENCODING="ascii")
    assert (tree.returncode, tree.stdout.splitlines()) == (0, ["Wie gro? ist 1+1?", "`-- Answer: 2", ""])
    row = shell(f"socli problems {tmp_path}/x.jsonl --json", PYTHONIOENCODING="ascii")
    assert '"question": "Wie gro\\u00df ist 1+1?"' in row.stdout


def test_stdout_is_data_while_stderr_talks(socli: Socli, trained: Path) -> None:
    done = socli("bench", "stories:test", "--limit", "2", "--steps", "1")
    assert [row["number"] for row in done.rows] in ([1, 2], [2, 1])
    assert done.told[0].startswith("solving 2 problems of stories:test steps 1-1 seed 0 with ")


# nothing outside the home


def test_t20_no_name_leads_out_of_the_home(socli: Socli, tmp_path: Path, by_heart: Path) -> None:
    outside = {name: size for name, size in listing(tmp_path).items() if not name.startswith("home/")}
    for name in ("../../x", "..", "/x", "a/../../x", "x\x00y", "a" * 300, "~root/x"):
        socli("annotate", "--recipe", name)
        socli("annotate", "--recipe", str(by_heart), "--set", f"problems.train={name}")
        socli(
            "distill", "--recipe", str(by_heart), "--set", f"student.base={name}", "--set", "train.epochs=1"
        )
        socli("bench", name, "--run", name)
        socli("bench", name, "--model", name)
        socli("solve", "?", "--model", name)
        socli("runs", "remove", name, "--yes")
        socli("models", "fetch", name)
    after = {name: size for name, size in listing(tmp_path).items() if not name.startswith("home/")}
    assert after == outside
    assert set(listing(tmp_path / "home")) <= {"socli.db", "socli.db-wal", "socli.db-shm"}
