"""Which commit of a Hub repository is used: the pinned one, or the one found first and kept from then on.

A name on the Hub points at whatever was pushed last. A pin from the catalogue, or else the commit recorded in
`revisions.json` in the home folder at the first fetch, makes later fetches get the same bytes.
"""

import json
import os
import re
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from socli import home
from socli.errors import MissingError, StorageError
from socli.models.catalogue import catalogue, pinned_datasets

Kind = Literal["model", "dataset"]

PATIENCE = 8.0
"""Seconds the Hub has to answer the first question, whatever is slow: names, proxies, a silent firewall."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


def offline() -> bool:
    """Whether the network must be left alone (`SOCLI_OFFLINE=1`); tells the Hub's libraries too."""
    if os.environ.get("SOCLI_OFFLINE", "").lower() not in {"1", "true", "yes", "on"}:
        return False
    os.environ["HF_HUB_OFFLINE"] = "1"
    return True


def pinned(repo: str, kind: Kind) -> str:
    """The commit to use: pinned, recorded, or what the Hub has now, which is then recorded.

    MissingError where it is not known and the Hub cannot be asked.
    """
    found = known(repo, kind)
    if found is None:
        found = _record(repo, kind, str(ask(repo, kind).sha))
    return found


def known(repo: str, kind: Kind) -> str | None:
    """The commit pinned in the catalogue or recorded on this machine; never asks the network."""
    pins = {k.repo: k.revision for k in catalogue()} if kind == "model" else pinned_datasets()
    return pins.get(repo) or _recorded().get(kind, {}).get(repo)


def ask(repo: str, kind: Kind, revision: str | None = None) -> Any:
    """What the Hub says of a repository: commit (`sha`) and files (`siblings`), with their sizes.

    MissingError, after at most `PATIENCE` seconds, where it cannot be reached or has no such repository.
    """
    if offline():
        raise MissingError("the Hub was not asked because SOCLI_OFFLINE is set")
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = _in_time(repo, kind, revision)
    except RepositoryNotFoundError as error:
        raise MissingError(f"the Hub has no {kind} {repo}, or not for everyone") from error
    except RevisionNotFoundError as error:
        raise MissingError(f"the Hub has {repo} but not its commit {revision}") from error
    except hub_errors() as error:
        raise MissingError(f"the Hub cannot be reached ({type(error).__name__})") from error
    if not _COMMIT.fullmatch(str(info.sha)) or (revision is not None and info.sha != revision):
        raise MissingError(f"the Hub answered for {repo} with a commit that was not asked for")
    return info


def endpoint() -> str | None:
    """The Hub's address where `HF_ENDPOINT` moves it; None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def hub_errors() -> tuple[type[BaseException], ...]:
    """What the Hub's client raises; its transport's class, httpx's or httpx2's, is read off its own."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, ValueError, RuntimeError, *HfHubHTTPError.__bases__)


def _in_time(repo: str, kind: Kind, revision: str | None) -> Any:
    """The Hub's answer, or TimeoutError. In a thread, because looking a name up cannot be interrupted."""
    from huggingface_hub import HfApi

    answer: Future[Any] = Future()

    def look() -> None:
        try:
            api = HfApi(endpoint=endpoint())
            info = api.repo_info(
                repo, repo_type=kind, revision=revision, timeout=PATIENCE, files_metadata=True
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the answer is awaited
            answer.set_exception(error)
        else:
            answer.set_result(info)

    threading.Thread(target=look, daemon=True).start()
    return answer.result(timeout=PATIENCE)


def _file() -> Path:
    return home.home() / "revisions.json"


def _recorded() -> dict[str, dict[str, str]]:
    """What earlier fetches recorded, by kind and repository; StorageError where the file is damaged."""
    try:
        read = json.loads(_file().read_text("utf-8"))
        if all(_COMMIT.fullmatch(commit) for repos in read.values() for commit in repos.values()):
            return dict(read)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {_file()}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError):
        pass
    raise StorageError(
        f"{_file()} is damaged",
        hint="remove it: the commits are found and recorded again at the next fetch",
    )


def _record(repo: str, kind: Kind, commit: str) -> str:
    """Keep the commit, whole or not at all; where another socli was first, its commit is the one kept."""
    home.made(_file().parent)
    try:
        with FileLock(_file().with_suffix(".lock")):
            read = _recorded()
            kept = read.setdefault(kind, {}).setdefault(repo, commit)
            written = _file().with_suffix(f".tmp-{os.getpid()}")
            with written.open("w", encoding="utf-8") as file:
                json.dump(read, file, indent=2, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            written.replace(_file())
            return kept
    except OSError as error:
        raise StorageError(f"cannot write {_file()}: {error.strerror}") from error
