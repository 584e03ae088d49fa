"""Every test has a home of its own, no network, and, where it asks, a store and students made here."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is loaded

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

if TYPE_CHECKING:
    from socli.engine.student import Precision, Student
    from socli.store import Store

    Loader = Callable[..., Student]

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it

# a busy machine is slow at making examples, which says nothing of the code
settings.register_profile("socli", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("socli")

LOOPBACK = {"localhost": {"127.0.0.1", "::1"}}


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets connect to this machine alone; tests marked `student` may fetch the embedded one."""
    if request.node.get_closest_marker("student"):
        return
    monkeypatch.setenv("SOCLI_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hosts = ["127.0.0.1", "::1", "localhost"]
    socket_allow_hosts(hosts, allow_unix_socket=True, resolution_cache=LOOPBACK)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own and a plain terminal of 80 columns."""
    folder = tmp_path / "home"
    for name, value in {"SOCLI_HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    for name in ("SOCLI_DATA", "OPENAI_API_KEY", "OPENAI_BASE_URL", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator["Store"]:
    """An empty store."""
    from socli.store import Store

    with Store(tmp_path / "socli.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def student_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random student of each family, as `socli.engine.student.load` finds it; not to be written to."""
    import tiny

    root = tmp_path_factory.mktemp("students")
    return {family: tiny.build(family, root / family) for family in tiny.FAMILIES}


@pytest.fixture(scope="session")
def load_tiny(student_folders: dict[str, Path]) -> "Loader":
    """Loads a fresh student of a family: `load_tiny("gpt2")`; on one thread, as it is too small for two."""
    import torch

    from socli.engine.student import load

    torch.set_num_threads(1)

    def loaded(family: str = "llama", precision: "Precision" = "fp32") -> "Student":
        return load(student_folders[family], f"tiny {family}", precision, torch.device("cpu"))

    return loaded


@pytest.fixture
def tiny_student(load_tiny: "Loader") -> "Student":
    """A fresh random Llama in fp32: two layers, 32 wide, four query heads on two key heads."""
    return load_tiny()
