"""Everything needed to go on with a training, written whole or not at all.

A checkpoint is a folder `step-N`: weights, optimizer state and, where there is one, the mean of the last
weights as safetensors, the rest as JSON, and a manifest with the size and hash of each file. It is
written under another name, flushed to the disk, then renamed; what a killed process leaves half written
is never taken for a checkpoint.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from socli.engine.weights import Weights
from socli.errors import StorageError

AVERAGE = "average.safetensors"
KEEP = 2
"""The last one, and the one before it in case the disk damages the last."""
UNWRITTEN = (OSError, SafetensorError)
"""What a full disk raises: the second comes from weights."""


def write(folder: Path, step: int, trained: Weights, lessons: str) -> Path:
    """Write `folder/step-N` and delete all but the last `KEEP` up to it; `lessons` is the hash of them."""
    partial, whole = folder / f"step-{step}.partial", folder / f"step-{step}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(
            {name: weight.detach().contiguous() for name, weight in trained.named.items()},
            partial / "weights.safetensors",
        )
        save_file(_moments(trained), partial / "optimizer.safetensors")
        save_file(_random_states(), partial / "random.safetensors")
        said = {"step": step, "lessons": lessons} | _average(trained, partial)
        (partial / "facts.json").write_text(json.dumps(said))
        files = {file.name: _fingerprint(file) for file in sorted(partial.iterdir())}
        (partial / "manifest.json").write_text(json.dumps(files))
        for file in partial.iterdir():
            flush(file)
        shutil.rmtree(whole, ignore_errors=True)
        partial.rename(whole)
        flush(folder)
    except UNWRITTEN as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"the checkpoint of step {step} could not be written: {reason(error)}",
            hint="free some space and run the same command again; it goes on from the checkpoint before",
        ) from error
    before = [path for path in _all(folder) if _step(path) <= step]
    for old in {*_all(folder)} - {*before[-KEEP:]}:  # later ones are damaged or of other lessons
        shutil.rmtree(old, ignore_errors=True)
    return whole


def newest(folder: Path, lessons: str) -> tuple[Path | None, list[str]]:
    """The latest checkpoint of these lessons whose files are what its manifest says, or None.

    With it sentences that name each later one and say why it was passed over.
    """
    skipped = []
    for path in reversed(_all(folder)):
        if fault := _fault(path):
            skipped.append(f"the checkpoint of step {_step(path)} is passed over: {fault}")
        elif facts(path).get("lessons") != lessons:
            skipped.append(f"the checkpoint of step {_step(path)} is passed over: it is of other lessons")
        else:
            return path, skipped
    return None, skipped


def facts(path: Path) -> dict[str, Any]:
    """What was written down with a whole checkpoint: its `step`, the `lessons` it learns."""
    said: dict[str, Any] = json.loads((path / "facts.json").read_text())
    return said


def restore(path: Path, trained: Weights) -> int:
    """Put weights, optimizer and random states back as they were; returns the step."""
    weights = load_file(path / "weights.safetensors")
    with torch.no_grad():
        for name, weight in trained.named.items():
            weight.copy_(weights[name])
    where = str(next(iter(trained.named.values())).device)
    moments = load_file(path / "optimizer.safetensors", device=where)
    for name, weight in trained.named.items():
        state = {key.split("//")[1]: value for key, value in moments.items() if key.startswith(f"{name}//")}
        if state:  # the step count too lies where the weights lie: fused AdamW wants it there
            trained.optimizer.state[weight] = state
    if trained.mean and (count := facts(path).get("averaged", 0)):
        trained.mean.count, trained.mean.named = count, load_file(path / AVERAGE, device=where)
    states = load_file(path / "random.safetensors")
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    return int(facts(path)["step"])


def reason(error: Exception) -> str:
    """What the system said, in a few words."""
    return getattr(error, "strerror", None) or str(error).removeprefix("Error while serializing: ")


def _moments(trained: Weights) -> dict[str, torch.Tensor]:
    return {
        f"{name}//{key}": value.detach().contiguous()
        for name, weight in trained.named.items()
        for key, value in trained.optimizer.state.get(weight, {}).items()
    }


def _average(trained: Weights, folder: Path) -> dict[str, int]:
    """Write the mean where there is one; of how many weights it is the mean."""
    if not trained.mean or not trained.mean.count:
        return {}
    save_file(trained.mean.named, folder / AVERAGE)
    return {"averaged": trained.mean.count}


def _random_states() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def _all(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step-*") if path.name.removeprefix("step-").isdigit()]
    return sorted(found, key=_step)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def _fingerprint(file: Path) -> list[Any]:
    with file.open("rb") as stream:
        return [file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()]


def _fault(path: Path) -> str | None:
    """What is wrong with a checkpoint's files, or None."""
    try:
        files: dict[str, list[Any]] = json.loads((path / "manifest.json").read_text())
        damaged = [name for name, seal in files.items() if _fingerprint(path / name) != seal]
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError) as error:
        return f"manifest.json cannot be read ({type(error).__name__})"
    return f"{', '.join(damaged)} is damaged" if damaged else None


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
