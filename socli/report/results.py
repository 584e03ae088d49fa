"""What an experiment came to, as a file holds it: problem ids, verdicts and settings, no text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from socli.errors import UsageError
from socli.scheme import Scheme

FORMAT = "socli results 1"
RIGHT, WRONG, MISSING = "1", "0", "-"


@dataclass(frozen=True, slots=True)
class Items:
    """The problems of a set that were scored, in the set's order."""

    set: str
    ids: tuple[str, ...]
    steps: tuple[int, ...]
    """How many reference steps each has; 0 where it has none."""
    majority: float | None
    """Share of the most frequent right answer, of yes/no sets."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run, or one student that was not trained here, on one set with one setting of the calculator."""

    arm: str
    scheme: Scheme | None
    """None where it is no run."""
    seed: int | None
    base: str
    teacher: str
    run: str
    bench: str
    date: str
    set: str
    calculator: bool
    verdicts: str
    """A sign for each problem of the set: `1` right, `0` wrong, `-` not scored."""
    unreadable: float
    truncated: float
    tokens: int
    seconds: float
    minutes: float | None
    """Training took."""
    training: Mapping[str, Any]
    """The recipe's `[problems]`, `[train]` and `[student]`, what the other arms have there where its own has
    something else (`shared`), and how many traces were learnt from.
    """
    settings: Mapping[str, Any]
    """Of the bench."""
    versions: Mapping[str, str]
    swapped: bool = False
    """Whether the reference took one part: the sub-questions or the answers to them."""
    bleu: float | None = None
    """Of its sub-questions against the reference ones, 0 to 100."""
    bleu_signature: str = ""
    same_count: float | None = None
    """#Q: share of the problems with as many sub-questions as the reference has."""

    @property
    def levers(self) -> dict[str, str]:
        """The keys in which its arm differs from the others, schemes aside, and what it has there; votes."""
        votes, verifier = self.settings.get("sampling", {}).get("repeats"), self.settings.get("verifier")
        voted = {key: str(said) for key, said in (("votes", votes), ("verifier", verifier)) if said}
        others = self.training.get("shared", {})
        tables = [table for table in ("problems", "train", "student") if table in others]
        return {key: str(self.training[table][key]) for table in tables for key in others[table]} | voted


@dataclass(frozen=True, slots=True)
class Learning:
    """How the training of one role of a run went."""

    arm: str
    seed: int
    role: str
    loss: tuple[tuple[int, float], ...]
    """Step and mean loss of the steps since the one before, in nats a token."""
    dev: tuple[tuple[int, float], ...]
    """Step and share of the dev problems that came out right."""


@dataclass(frozen=True, slots=True)
class Results:
    """The runs of a recipe in one size from one student, all from the same traces with the same settings."""

    recipe: str
    size: str
    base: str
    variant: str
    """Tells groups apart that differ in another setting; empty for those of the recipe as it is written."""
    version: str
    """Of socli."""
    date: str
    """Of the last bench, UTC."""
    wanted: Mapping[str, tuple[int, ...]]
    """The arms of the recipe in this size, and their seeds."""
    items: tuple[Items, ...]
    entries: tuple[Entry, ...]
    curves: tuple[Learning, ...] = ()

    @property
    def name(self) -> str:
        """What its file is called."""
        return "-".join(filter(None, (self.recipe, self.size, self.base, self.variant)))


def written(results: Results) -> str:
    """As JSON: an entry a line, ids and steps of a set as one string each."""
    told: dict[str, Any] = {"format": FORMAT} | {
        key: value for key, value in asdict(results).items() if key not in ("items", "entries", "curves")
    }
    told["items"] = [
        asdict(one) | {"ids": " ".join(one.ids), "steps": " ".join(map(str, one.steps))}
        for one in results.items
    ]
    told["entries"] = [asdict(one) for one in results.entries]
    told["curves"] = [asdict(one) for one in results.curves]
    lines = [f"  {json.dumps(key)}: {_lines(value)}" for key, value in told.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"    {json.dumps(one, sort_keys=True)}" for one in value) + "\n  ]"
    return json.dumps(value)


def _scheme(told: dict[str, Any]) -> Scheme:
    return Scheme(**told | {"also": tuple(told.get("also", ()))})


def read(text: str, name: str) -> Results:
    """What `written` wrote; UsageError, which names the file, where it is something else."""
    try:
        told = json.loads(text)
        if told.pop("format") != FORMAT:
            raise ValueError("it has another format")
        told["items"] = tuple(
            Items(
                one["set"], tuple(one["ids"].split()), tuple(map(int, one["steps"].split())), one["majority"]
            )
            for one in told["items"]
        )
        told["entries"] = tuple(
            Entry(**one | {"scheme": _scheme(one["scheme"]) if one["scheme"] else None})
            for one in told["entries"]
        )
        told["curves"] = tuple(
            Learning(**one | {key: tuple(map(tuple, one[key])) for key in ("loss", "dev")})
            for one in told.get("curves", ())
        )
        told["wanted"] = {arm: tuple(seeds) for arm, seeds in told["wanted"].items()}
        return Results(**told)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{name} holds no results: {error}", hint="socli report --recipe NAME --results FOLDER"
        ) from error
