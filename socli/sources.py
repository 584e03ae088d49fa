"""Known sets, JSONL, CSV and the standard input as a stream of Problems."""

import csv
import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any, get_args

from socli.answer import canonical
from socli.errors import MissingError, StorageError, UsageError
from socli.known_sets import SETS, cut, hub_rows, known_problems, solution
from socli.problem import AnswerKind, Problem, Step, storable

STORIES = {"stories:train": 10_000, "stories:test": 1_000, "stories:unseen": 1_000}
"""The splits of the built-in generator, which has no end, and how many of each where no limit is given."""
KNOWN = (*STORIES, *SETS)
"""Every set that is known by name."""
STDIN = "-"
_HUB = re.compile(
    r"hf:(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:/(?P<config>\w[\w.-]*))?(?::(?P<split>\w[\w.-]*))?", re.ASCII
)
_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)

_LARGEST_CELL = 100_000_000
"""Characters of the longest CSV cell that is read; the csv module's own limit is 131,072."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a row calls its question, answer and context, and how its answers are compared."""

    question: str = "question"
    answer: str = "answer"
    context: str = "context"
    kind: AnswerKind = "number"


@dataclass(frozen=True, slots=True)
class _Source:
    """A file or stream of rows: its name for messages, and which fields to read."""

    name: str
    fields: Fields
    stream: bool = False
    """Whether it can be read only once."""


def problems(
    spec: str,
    *,
    limit: int | None = None,
    steps: tuple[int, int] | None = None,
    seed: int = 0,
    fields: Fields = Fields(),
    stdin: Iterable[bytes | str] | None = None,
) -> Iterator[Problem]:
    """The problems of a set `NAME:SPLIT`, a file, a set on the Hub, or `-`, in order, one at a time.

    `gsm8k:train[-500:]` are the last 500 of a data set, `gsm8k:train[:-500]` the others.
    `limit` is the most that are read. `steps` (least, most) and `seed` choose which stories are told and
    mean nothing elsewhere. `stdin` stands in for the standard input. A file's answers are all read before the
    first problem comes, so that what cannot be read is refused at once; a stream's as they come.
    Errors: UsageError for an unknown set or bad rows, MissingError where a file or set is not there.
    """
    check(spec)
    if spec in STORIES:
        return islice(_stories(spec, steps or (1, 6), seed), STORIES[spec] if limit is None else limit)
    name, part = cut(spec)
    if name in SETS:
        found = known_problems(name)
        return islice(found if part == slice(None) else list(found)[part], limit)
    if spec == STDIN:
        lines: Iterable[bytes | str] = sys.stdin.buffer if stdin is None else stdin
        return islice(_from_rows(_jsonl(lines, "stdin"), _Source("stdin", fields, stream=True)), limit)
    if hub := _HUB.fullmatch(spec):
        return _from_file(hub_rows(hub["repo"], hub["config"], hub["split"]), fields, limit, spec)
    return _from_file(Path(spec), fields, limit)


def on_hub(spec: str, config: str | None, split: str | None) -> str:
    """`hf:OWNER/NAME` with the configuration and split it does not say itself; others as they are."""
    hub = _HUB.fullmatch(spec)
    if hub is None:
        return spec
    config, split = hub["config"] or config, hub["split"] or split
    return f"hf:{hub['repo']}{f'/{config}' if config else ''}{f':{split}' if split else ''}"


def is_known(spec: str) -> bool:
    """Whether it is a set that is known by name, or a part of a data set."""
    return spec in STORIES or cut(spec)[0] in SETS


def check(spec: str) -> None:
    """UsageError or MissingError unless `spec` is a known set, a file that is there or `-`."""
    if is_known(spec) or spec == STDIN:
        return
    if spec.startswith("hf:"):
        _check_hub(spec)
        return
    path = Path(spec)
    there = False
    with suppress(OSError, ValueError):
        there = path.exists()
    if there and not path.is_dir():
        return
    shown = storable(spec[:200])
    if path.suffix.lower() in (".jsonl", ".csv") or (path.name != spec and ":" not in spec):
        raise MissingError(f"there is no file {shown}")
    near = difflib.get_close_matches(spec, KNOWN, n=1, cutoff=0.4)
    meant = f"did you mean {near[0]}? " if near else ""
    sets = ", ".join(KNOWN)
    raise UsageError(
        f"there is no set {shown}",
        hint=f"{meant}known are {sets}, a .jsonl or .csv file, hf:OWNER/NAME:SPLIT, and -",
    )


def _check_hub(spec: str) -> None:
    hub = _HUB.fullmatch(spec)
    if hub is None:
        shown = storable(spec[:200])
        raise UsageError(
            f"{shown} is no set on the Hub", hint="hf:OWNER/NAME:SPLIT, or hf:OWNER/NAME/CONFIG:SPLIT"
        )
    if hub["split"] is None:
        raise UsageError(f"which part of {spec} is not said", hint=f"for example {spec}:test")


def normal(text: str, kind: AnswerKind) -> str | None:
    """`answer.canonical`, remembered where the text is short: answers of a set come again and again."""
    return _remembered(text, kind) if len(text) <= 40 else canonical(text, kind)


_remembered = lru_cache(4096)(canonical)


def reader(name: str, fields: Fields) -> Callable[[int, dict[str, Any]], Problem]:
    """Makes a problem of row `number` of `name`, for whoever reads the lines; UsageError where it cannot."""
    source = _Source(name, fields)

    def read(number: int, row: dict[str, Any]) -> Problem:
        problem = _problem(number, row, source)
        if problem is None:
            raise _unreadable([(number, row)], source)
        return problem

    return read


def _stories(spec: str, steps: tuple[int, int], seed: int) -> Iterator[Problem]:
    from socli.stories import stories

    split: Any = spec.partition(":")[2]  # one of its three, by `STORIES`
    return (replace(problem, source=spec) for problem in stories(split, seed=seed, steps=steps))


def _from_file(path: Path, fields: Fields, limit: int | None, name: str | None = None) -> Iterator[Problem]:
    source = _Source(name or str(path), fields, stream=not path.is_file())
    if not source.stream:  # read it twice: first for its answers
        with _opened(path) as file:
            _refuse_unreadable(islice(_rows(file, source), limit), source)
    with _opened(path) as file:
        yield from islice(_from_rows(_rows(file, source), source), limit)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


def _rows(file: IO[bytes], source: _Source) -> Iterator[tuple[int, Any]]:
    return (_csv if source.name.lower().endswith(".csv") else _jsonl)(file, source.name)


def _text_lines(lines: Iterable[bytes | str], name: str) -> Iterator[str]:
    """Decoded lines without a byte order mark; UsageError with the position of a byte that is not UTF-8."""
    position = 0
    for number, line in enumerate(lines, 1):
        if isinstance(line, str):
            text = line
        else:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UsageError(
                    f"{name} line {number} is not UTF-8: byte {position + error.start} is "
                    f"0x{line[error.start]:02x}",
                    hint="save it as UTF-8",
                ) from error
            position += len(line)
        yield text.removeprefix("\ufeff") if number == 1 else text


def _jsonl(lines: Iterable[bytes | str], name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_text_lines(lines, name), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line.rstrip())  # without its end, columns are counted in this line
        except RecursionError as error:
            raise UsageError(f"{name} line {number} is nested too deeply") from error
        except ValueError as error:  # malformed, or a number of more than 4,300 digits
            at = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
            raise UsageError(
                f"{name} line {number} is not JSON: {reason}{at}",
                hint="one JSON object a line, such as " + '{"question": "…", "answer": "18"}',
            ) from error


def _csv(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.DictReader(_text_lines(lines, name))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{name} line {reader.line_num} is not CSV: {error}") from error


def _refuse_unreadable(rows: Iterable[tuple[int, Any]], source: _Source) -> None:
    """UsageError naming up to ten lines whose answer is there and cannot be read."""
    bad = [(number, row) for number, row in rows if _problem(number, row, source) is None]
    if bad:
        raise _unreadable(bad, source)


def _from_rows(rows: Iterable[tuple[int, Any]], source: _Source) -> Iterator[Problem]:
    for number, row in rows:
        problem = _problem(number, row, source)
        if problem is None:
            raise _unreadable([(number, row)], source)
        yield problem


def _unreadable(bad: list[tuple[int, Any]], source: _Source) -> UsageError:
    number, row = bad[0]
    shown = " ".join(_fit(str(row[source.fields.answer])).split())[-40:]
    wanted = {"number": "a number", "yes/no": "yes or no", "text": "text"}[_kind(row, source.fields)]
    others = (
        f" ({len(bad)} such lines: {', '.join(str(n) for n, _ in bad[:10])}{', …' if len(bad) > 10 else ''})"
    )
    return UsageError(
        f"{source.name} line {number}: the answer `{shown}` cannot be read as {wanted}"
        f"{others if len(bad) > 1 else ''}",
        hint=f"leave `{source.fields.answer}` out where it is not known, or say what kind the answers are",
    )


def _problem(number: int, row: Any, source: _Source) -> Problem | None:
    """The row as a problem; None where its answer cannot be read, UsageError where there is no question."""
    where, fields = f"{source.name} line {number}", source.fields
    if not isinstance(row, dict):
        raise UsageError(f"{where} is not an object", hint='write {"question": "…"}')
    question = row.get(fields.question)
    if not isinstance(question, str) or not question.strip():
        fit = [str(key) for key, value in row.items() if isinstance(value, str)]
        raise UsageError(
            f"{where} has no question: `{fields.question}` is missing or empty",
            hint=f"name the field that holds it: {', '.join(fit)[:200]}" if fit else None,
        )
    steps, gold = _answer(row.get(fields.answer))
    kind = _kind(row, fields)
    normal_form = normal(gold, kind) if gold is not None else None
    if gold is not None and normal_form is None:
        return None
    given = _steps(row.get("steps"), where)
    context = _context(row.get(fields.context))
    return Problem(_fit(question), normal_form, kind, source.name, context, given or steps)


def _kind(row: dict[str, Any], fields: Fields) -> AnswerKind:
    """The row's own `kind`, as `socli problems --json` writes it; yes/no for true and false; or as asked."""
    if isinstance(row.get(fields.answer), bool):
        return "yes/no"
    return next((kind for kind in _KINDS if kind == row.get("kind")), fields.kind)


def _answer(value: Any) -> tuple[tuple[Step, ...], str | None]:
    """The steps of a worked solution, and the bare answer: None where none is given."""
    if value is None or value == "":
        return (), None
    if isinstance(value, str) and "####" in value:
        return solution(_fit(value))
    return (), _fit(str(value)) if isinstance(value, str | int | float) else ""


def _steps(value: Any, where: str) -> tuple[Step, ...]:
    if value is None or value == "":
        return ()
    steps = []
    for given in value if isinstance(value, list) else [None]:
        asked, text = (
            (given.get("question", ""), given.get("text", "")) if isinstance(given, dict) else (0, 0)
        )
        if not isinstance(asked, str) or not isinstance(text, str):
            raise UsageError(f"{where}: `steps` is not a list of objects with `question` and `text`")
        steps.append(Step(_fit(asked), _fit(text)))
    return tuple(steps)


def _context(value: Any) -> str:
    """The context as text; a list, such as StrategyQA's facts, is joined by spaces."""
    parts = value if isinstance(value, list) else [value]
    return " ".join(_fit(part) for part in parts if isinstance(part, str)).strip()


def _fit(text: str) -> str:
    """`text`, trimmed, with what SQLite and UTF-8 cannot hold (NUL, lone surrogates) shown as U+FFFD."""
    return storable(text).strip()
