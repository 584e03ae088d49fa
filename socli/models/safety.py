"""What a folder of model files may hold before transformers is let at it. Standard library only.

Weights are safetensors whose header agrees with the file; no configuration names code to load. The loader is
told the same (`use_safetensors=True`, `trust_remote_code=False`); this says it in a sentence, and first.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socli.errors import MissingError, UsageError

_LARGEST_CONFIG = 20_000_000
"""Bytes of the longest JSON that is read; the longest tokenizer file of the catalogue has 11 million."""

_LARGEST_HEADER = 100_000_000
"""Bytes of the longest header the safetensors format allows."""

_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


def refuse_unsafe(folder: Path) -> None:
    """MissingError where files are missing or cut short, UsageError where they would run code or unpickle."""
    if not (folder / "config.json").is_file():
        raise MissingError(f"{folder} holds no model: there is no config.json")
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        if (folder / name).is_file():
            _refuse_code(folder / name)
    for weights in _weights(folder):
        _refuse_cut_short(weights)


def _refuse_code(path: Path) -> None:
    """No key may make transformers import code: `auto_map`, or a kernel's name as in CVE-2026-4372."""
    for key, value in _pairs(_read(path)):
        if key == "auto_map":
            raise UsageError(
                f"{path} names code of its own (`auto_map`), and code from a model folder is never run",
                hint="use a model that transformers knows by itself",
            )
        named = key.endswith(("attn_implementation", "experts_implementation")) and "/" in str(value)
        if named or key.endswith("_implementation_internal"):
            raise UsageError(
                f"{path} names a kernel to load (`{key}`), and code from a model folder is never run"
            )


def _weights(folder: Path) -> list[Path]:
    """The safetensors files of the folder: the one, or those its index names."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if index.is_file():
        table = _read(index).get("weight_map")
        names = set(table.values()) if isinstance(table, dict) else set()
        if not names or not all(isinstance(n, str) and n.endswith(".safetensors") for n in names):
            raise MissingError(f"{index} names no safetensors files")
        for name in names:
            if Path(name).name != name or "\\" in name:
                raise UsageError(f"{index} names a file outside its folder: {name[:80]!r}")
            if not (folder / name).is_file():
                raise MissingError(f"{folder} has not all its weights: {name} is missing")
        return [folder / name for name in sorted(names)]
    if any(p.suffix in {".bin", ".pt", ".pth", ".ckpt", ".pkl"} for p in folder.iterdir()):
        raise UsageError(
            f"{folder} has only pickled weights, which can run code when they are loaded",
            hint="use a safetensors copy of the model",
        )
    raise MissingError(f"{folder} holds no weights: there is no model.safetensors")


def _refuse_cut_short(path: Path) -> None:
    """A safetensors file is 8 bytes of length, a JSON header of that length, then exactly its tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if 2 <= length <= min(_LARGEST_HEADER, size - 8) else b""
    try:
        whole = _described(json.loads(header)) == size - 8 - length
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise MissingError(
            f"{path} is damaged or cut short", hint="remove its folder and fetch the model again"
        )


def _described(header: dict[str, Any]) -> int:
    """Bytes of data a header describes; ValueError unless its tensors follow each other without a gap."""
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    at = 0
    for start, end in sorted(tensor["data_offsets"] for tensor in tensors):
        if start != at or end < start:
            raise ValueError("a gap or an overlap")
        at = end
    for tensor in tensors:
        width, (start, end) = _BYTES.get(tensor["dtype"]), tensor["data_offsets"]
        if width is not None and end - start != width * math.prod(tensor["shape"]):
            raise ValueError("a shape that does not fit its bytes")
    return at


def _read(path: Path) -> dict[str, Any]:
    """A JSON object from a file of sane size; MissingError where it is not one."""
    try:
        if path.stat().st_size <= _LARGEST_CONFIG and isinstance(
            read := json.loads(path.read_text("utf-8")), dict
        ):
            return read
    except (ValueError, RecursionError):
        pass
    raise MissingError(f"{path} is damaged: it holds no JSON object")


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value inside nested JSON, however deep."""
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            yield from at.items()
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)
