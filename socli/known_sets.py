"""The problem sets that are known by name: GSM8K, SVAMP, StrategyQA. Owner of `datasets`.

Their files are read from the folder `SOCLI_DATA` names (`gsm8k/train_socratic.jsonl`, `svamp/test.jsonl`,
`strategyqa/dev.jsonl` and so on, one row a line) or else fetched from the Hub, once, at a pinned or recorded
revision, and kept as such files in the home folder.
"""

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from socli import home
from socli.answer import canonical
from socli.arithmetic import written
from socli.errors import MissingError, StorageError, UsageError
from socli.problem import Problem, Step

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownSet:
    """Where a split lies, in the data folder and on the Hub, and how its rows become problems."""

    files: tuple[str, ...]
    """In the data folder; the first that is there is read."""
    repo: str
    config: str | None
    hub_split: str
    problem: Callable[[Row, str], Problem]
    part: Callable[[int], bool] = lambda number: True
    """Which rows of the Hub's split, counted from 0, are this set's."""


def gsm8k(row: Row, source: str) -> Problem:
    """Steps with the sub-questions of the Socratic files; the answer stands after `####`."""
    steps, gold = solution(row["answer"])
    return Problem(row["question"].strip(), _number(gold), "number", source, steps=steps)


def svamp(row: Row, source: str) -> Problem:
    """One step for each operation of the equation, innermost first.

    The last answers the problem's own question. The set words no others, so an earlier step asks for the
    total, difference, product or quotient of the numbers it joins. An equation that does not give the stated
    answer (`chal-680`), or not without rounding on the way, is no reference: the problem gets no steps.
    """
    body, asked = row["Body"].strip(), row["Question"].strip()
    gold = _number(str(row["Answer"]))
    steps, value = equation_steps(row["Equation"], asked)
    if written(value) != gold:
        steps = ()
    return Problem(_joined(body, asked), gold, "number", source, steps=steps)


def strategyqa(row: Row, source: str) -> Problem:
    """Facts, each with its full stop, as context; the decomposition as steps that leave the answer open.

    Facts and sub-questions are not paired: their counts differ in most rows.
    """
    steps = tuple(Step(asked.strip(), "") for asked in row["decomposition"])
    context = " ".join(f if f.endswith((".", "!", "?")) else f + "." for f in map(str.strip, row["facts"]))
    gold = {True: "yes", False: "no"}[row["answer"]]
    return Problem(row["question"].strip(), gold, "yes/no", source, context, steps)


_GSM8K = ("openai/gsm8k", "socratic")
_SVAMP = ("ChilleD/SVAMP", None)
# All 2,290 questions in one split, with facts and decompositions. Which 229 of them the authors' own
# repository calls dev it does not say, so every tenth is: as many rows, not the same ones.
_STRATEGYQA = ("tasksource/strategy-qa", None, "train", strategyqa)

SETS = {
    "gsm8k:train": KnownSet(("gsm8k/train_socratic.jsonl", "gsm8k/train.jsonl"), *_GSM8K, "train", gsm8k),
    "gsm8k:test": KnownSet(("gsm8k/test_socratic.jsonl", "gsm8k/test.jsonl"), *_GSM8K, "test", gsm8k),
    "svamp:train": KnownSet(("svamp/train.jsonl",), *_SVAMP, "train", svamp),
    "svamp:test": KnownSet(("svamp/test.jsonl",), *_SVAMP, "test", svamp),
    "strategyqa:train": KnownSet(("strategyqa/train.jsonl",), *_STRATEGYQA, lambda number: number % 10 != 0),
    "strategyqa:dev": KnownSet(("strategyqa/dev.jsonl",), *_STRATEGYQA, lambda number: number % 10 == 0),
}


_PART = re.compile(r"(?P<name>[^\[\]]+)\[(?P<first>-?\d{1,9})?:(?P<end>-?\d{1,9})?\]", re.ASCII)


def cut(spec: str) -> tuple[str, slice]:
    """The set and which of its problems: `gsm8k:train[-500:]` are the last 500, `gsm8k:train` all."""
    part = _PART.fullmatch(spec)
    if part is None:
        return spec, slice(None)
    return part["name"], slice(*(int(part[end]) if part[end] else None for end in ("first", "end")))


def known_problems(name: str) -> Iterator[Problem]:
    """The problems of a known set, in order; MissingError where neither the folder nor the Hub has it."""
    known = SETS[name]
    folder = os.environ.get("SOCLI_DATA")
    paths = [Path(folder).expanduser() / file for file in known.files] if folder else []
    local = next((path for path in paths if path.is_file()), None)
    path = local or _fetched(name, known)
    try:
        lines = path.open("rb")
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines):
            if local or known.part(number):
                try:
                    yield known.problem(json.loads(line), name)
                except (ValueError, LookupError, TypeError, AttributeError) as error:
                    raise UsageError(
                        f"{path} line {number + 1} is not a row of {name}",
                        hint="fetch the file again, or unset SOCLI_DATA to use the Hub's",
                    ) from error


def solution(text: str) -> tuple[tuple[Step, ...], str]:
    """The steps of a solution in GSM8K's form, `sub-question ** step` a line, and what follows `####`.

    Lines that work nothing are left out: six in the Socratic files only repeat a neighbour's question.
    """
    worked, _, gold = text.rpartition("####")
    steps = []
    for line in worked.splitlines():
        asked, _, step = line.rpartition(" ** ")
        if step.strip():
            steps.append(Step(asked.strip(), step.strip()))
    return tuple(steps), gold.strip()


def equation_steps(equation: str, asked: str) -> tuple[tuple[Step, ...], Fraction]:
    """A step for each operation of `( ( 7.0 + 12.0 ) - 15.0 )`, and the value; ValueError for other forms.

    The last step answers `asked`. A number alone, with nothing to compute, is one step that states it. Where
    a step's value would have to be rounded, the next could not be right: then there are none.
    """
    operands: list[Fraction] = []
    signs: list[str] = []
    joined: list[tuple[Fraction, str, Fraction, Fraction]] = []
    for part in equation.split():
        if part in _ASKS:
            signs.append(part)
        elif part == ")":
            b, sign, a = operands.pop(), signs.pop(), operands.pop()
            operands.append(_OPERATIONS[sign](a, b))
            joined.append((a, sign, b, operands[-1]))
        elif part != "(":
            operands.append(Fraction(part))
    (value,) = operands
    if any(Fraction(written(result)) != result for _, _, _, result in joined):
        return (), value
    if not joined:
        return (Step(asked, written(value)),), value
    questions = [_ASKS[sign].format(written(a), written(b)) for a, sign, b, _ in joined[:-1]]
    return tuple(map(_step, [*questions, asked], joined)), value


_ASKS = {
    "+": "What is the total of {} and {}?",
    "-": "What is the difference between {} and {}?",
    "*": "What is the product of {} and {}?",
    "/": "What is the quotient of {} and {}?",
}
_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


def _step(asked: str, joined: tuple[Fraction, str, Fraction, Fraction]) -> Step:
    a, b, value = (written(number) for number in (joined[0], joined[2], joined[3]))
    b = f"({b})" if joined[2] < 0 else b
    return Step(asked, f"{a} {joined[1]} {b} = <<{a}{joined[1]}{b}={value}>>{value}")


def _joined(body: str, asked: str) -> str:
    """The question after the body, which in half of SVAMP lacks its full stop or the comma after an `If`."""
    if body.endswith((".", "?", "!")):
        return f"{body} {asked}"
    if re.split(r"[.?!]\s", body)[-1].startswith("If "):
        return f"{body}, {asked[:1].lower()}{asked[1:]}"
    return f"{body}. {asked}"


def _number(text: str) -> str:
    gold = canonical(text, "number")
    if gold is None:
        raise ValueError("the answer is no number")
    return gold


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


def hub_rows(repo: str, config: str | None, split: str) -> Path:
    """A split on the Hub as a file of rows, fetched if it is not there; MissingError where it cannot be.

    Its commit is the pinned one, or the one found first, which is recorded.
    """
    from socli.models import revisions

    revision = revisions.pinned(repo, "dataset")
    folder = home.home() / "sets" / f"{repo.replace('/', '--')}-{revision[:8]}"
    path = folder / f"{config or 'default'}-{split}.jsonl"
    if not path.is_file():
        revisions.ask(repo, "dataset", revision)  # says within seconds that there is no network
        _fetch(repo, config, split, revision, path)
    return path


def _fetched(name: str, known: KnownSet) -> Path:
    """The file of rows of a known set."""
    try:
        path = hub_rows(known.repo, known.config, known.hub_split)
    except MissingError as error:
        raise MissingError(
            f"{name} is not on this machine: {error}",
            hint=f"set SOCLI_DATA to a folder that holds {known.files[0]}, or try again with a network",
        ) from error
    return path


def _fetch(repo: str, config: str | None, split: str, revision: str, path: Path) -> None:
    """Write the rows of the Hub's split to `path`, whole or not at all. No code from the Hub is run."""
    from datasets.exceptions import DatasetsError
    from datasets.load import load_dataset

    from socli.models.revisions import hub_errors

    failures: tuple[type[BaseException], ...] = (DatasetsError, *hub_errors())
    home.made(path.parent)
    try:
        with TemporaryDirectory(dir=path.parent) as work:
            rows = load_dataset(
                f"hf://datasets/{repo}",  # so spelt, a local folder of that name is not taken for it
                config,
                split=split,
                revision=revision,
                cache_dir=work,  # an empty one: no other revision can stand in for this one
            )
            whole = Path(work) / "rows.jsonl"
            with whole.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, default=str) + "\n" for row in rows)
            whole.replace(path)
    except failures as error:
        for cause in (error, error.__cause__):
            if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
                raise StorageError(f"cannot write {path}: {cause.strerror}") from error
        raise MissingError(
            f"the Hub did not give {repo} ({type(error).__name__})",
            hint="is it so called there, split and configuration too? hf:OWNER/NAME/CONFIG:SPLIT",
        ) from error
