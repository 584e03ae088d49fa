"""Where socli keeps things on this machine, and what may be the name of a thing kept there."""

import os
import re
from pathlib import Path

from socli.errors import StorageError, UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
)


def home() -> Path:
    """The folder of the store, runs and models: `SOCLI_HOME`, or the user's data folder."""
    import platformdirs

    chosen = os.environ.get("SOCLI_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("socli", appauthor=False))


def store_path(chosen: Path | None = None) -> Path:
    """The SQLite file: the one chosen, or `socli.db` in the home folder."""
    return chosen if chosen is not None else home() / "socli.db"


def runs_folder(store: Path) -> Path:
    """Where the weights of a store's runs lie: a folder beside it, named after it."""
    return store.parent / f"{store.stem}-runs"


def cache_folder(store: Path) -> Path:
    """Where replies lie until they are stored, and a while longer; it may be deleted at any time."""
    return store.parent / f"{store.stem}-cache"


def models_folder() -> Path:
    """Where fetched students lie, one folder each; shared by all stores."""
    return home() / "models"


def checked_name(name: str, what: str) -> str:
    """The name itself if it can safely be the name of a file; a UsageError otherwise."""
    if _NAME.fullmatch(name) and name.split(".")[0] not in _RESERVED and ".." not in name:
        return name
    raise UsageError(
        f"`{name[:80]!s}` cannot be the name of a {what}",
        hint="use up to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit",
    )


def made(folder: Path) -> Path:
    """The folder, made if it was not there; a StorageError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder}: {error.strerror}",
            hint="set SOCLI_HOME or --store to a place that can be written",
        ) from error
    return folder
