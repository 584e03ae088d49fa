"""What a model answered, whoever decoded it: rows of any tool's JSONL, or predictions of the store."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

from socli import answer, scheme, sources
from socli.errors import MissingError, StorageError, UsageError
from socli.events import Noted
from socli.problem import ENDED, FinishReason, Prediction, Problem, Step, is_set_among, shown_set_name
from socli.records import BenchRow
from socli.sources import Fields
from socli.store import Store

PEEKED = 100
"""Lines that are read ahead at most, to see what they are."""
NAMED = 10
"""Bad lines that are named; the others are counted."""
_CUT = frozenset({"length", "max_tokens", "max_length", "MAX_TOKENS"})
_Reader = Callable[[int, dict[str, Any]], Problem]
_REASONS: dict[str, FinishReason] = {reason: reason for reason in get_args(FinishReason)}


@dataclass(frozen=True, slots=True)
class Output:
    """One row: the problem as far as it is told, and the answer, the text or the verdict it brings."""

    number: int
    """In the input, from 1."""
    problem: Problem
    id: str | None
    """What the row calls itself."""
    asked: bool
    """Whether the row has a question; its `id` or number stands for one otherwise."""
    answer: str | None
    """A bare answer, as it was written."""
    text: str | None
    """The whole text; None where there is only a bare answer."""
    correct: bool | None = None
    """The verdict the row brings."""
    finish_reason: FinishReason | None = None
    calculator: bool | None = None
    tokens: int = 0


@dataclass(slots=True)
class Skipped:
    """How many lines could not be used; filled as they are read."""

    count: int = 0


def brings(row: Any) -> bool:
    """Whether a row says what a model answered, so that none is needed."""
    return isinstance(row, dict) and ("prediction" in row or "response" in row or _of_lm_eval(row))


def peeked(lines: Iterable[bytes]) -> tuple[Any, Iterator[bytes]]:
    """The first row of JSONL, to see what is coming, and all the lines, of which none is lost.

    Lines that are not JSON are passed over, `PEEKED` at most; None where no row is found.
    """
    rest = iter(lines)
    read: list[bytes] = []
    for line in islice(rest, PEEKED):
        read.append(line)
        if not line.isspace():
            with suppress(UsageError):
                return _parsed(line), chain(read, rest)
    return None, chain(read, rest)


def is_file(name: str) -> bool:
    """Whether a name means a file of rows, or `-` for stdin; MissingError for a .jsonl that is not there."""
    if name == sources.STDIN or Path(name).is_file():
        return True
    if name.endswith(".jsonl"):
        raise MissingError(f"there is no file {name}")
    return False


def lines_of(name: str) -> Iterator[bytes]:
    """The lines of a file, or of stdin for `-`."""
    if name == sources.STDIN:
        yield from sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield from file
    except OSError as error:
        raise StorageError(f"cannot read {name}: {error.strerror}") from error


def outputs(
    lines: Iterable[bytes | str], name: str, fields: Fields, skipped: Skipped
) -> Iterator[Output | Noted]:
    """The rows of JSONL, one at a time. Lines that cannot be used are left out, counted and, at first, named.

    A row has `prediction` (a bare answer), `response` or `text` (the whole text), or `correct`; `question` or
    `id`; and the gold `answer` where it is known. Sample logs of lm-eval are read too.
    """
    first, problem_of = "", sources.reader(name, fields)
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            row = _parsed(line)
            if _of_lm_eval(row):
                scored_by = str(row.get("filter"))
                if scored_by != (first := first or scored_by):
                    continue  # it writes each sample once for each of its filters
                row = _plain(row)
            output = _output(row, number, fields, problem_of)
        except UsageError as error:
            skipped.count += 1
            if skipped.count <= NAMED:
                said = str(error)
                where = f"{name} line {number}"
                yield Noted(f"left out: {said if said.startswith(where) else f'{where} {said}'}")
            continue
        yield output
    if skipped.count > NAMED:
        yield Noted(f"left out: {skipped.count:,} lines of {name}, of which the first {NAMED} are named")


def stored(store: Store, bench: BenchRow) -> Iterator[Output]:
    """The predictions of a bench, with its set's problems as they are now."""
    problems = {problem.id: problem for problem in store.problems(bench.set)}
    for row in store.predictions(bench.id):
        problem = problems.get(row.problem_id) or store.problem(row.problem_id)
        yield Output(
            number=row.position,
            problem=problem,
            id=row.problem_id,
            asked=True,
            answer=row.answer,
            text=row.text,
            correct=row.correct,
            finish_reason=row.finish_reason,
            calculator=bench.calculator,
            tokens=row.tokens,
        )


def benches(
    store: Store, name: str, sets: Iterable[str] = (), calculator: bool | None = None
) -> list[BenchRow]:
    """The finished benches that `name` stands for: the id of a bench, the id or name of a run, or a model.

    Of a run or model, one of each set and calculator setting (`chosen`); `sets` and `calculator` narrow them.
    MissingError where there is none, also where one was begun and is not done.
    """
    wanted = tuple(sets)
    found, what = named(store, name)
    done = [bench for bench in found if bench.status == "done" and calculator in (None, bench.calculator)]
    fit = [bench for bench in done if not wanted or is_set_among(bench.set, wanted)]
    if fit:
        return list(chosen(store, fit).values())
    unfinished = next((bench for bench in found if bench.status == "started"), None)
    if unfinished:
        scored, itself = unfinished.so_far(store.solved(unfinished.id)), f"bench {unfinished.id}"
        whose = "" if what == itself else f" of {what}"
        raise MissingError(
            f"{itself}{whose} on {unfinished.set} is partial: {scored} problems are scored",
            hint="run the same `socli bench` again",
        )
    where = f" on {', '.join(wanted)}" if wanted else ""
    has = ", ".join(dict.fromkeys(shown_set_name(bench.set) for bench in found))
    hint = f"it was scored on {has}" if has else f"socli bench --run {name} SET"
    raise MissingError(f"{what} has no finished bench{where}", hint=hint)


def chosen(store: Store, benches: Iterable[BenchRow]) -> dict[tuple[str, bool], BenchRow]:
    """One of each set and calculator setting, of benches that come the newest first.

    Rather one that measured what the recipe of its run says, its `bench.limit` and `bench.max_tokens`; else
    one of the whole set; of several the newest. A few problems looked at in between do not replace the rest.
    """
    recipes: dict[str | None, Mapping[str, Any]] = {None: {}}
    best: dict[tuple[str, bool], tuple[tuple[bool, bool], BenchRow]] = {}
    for bench in benches:
        if bench.run not in recipes:
            recipes[bench.run] = store.run(str(bench.run)).recipe
        said, did = recipes[bench.run].get("bench", {}), bench.settings
        asked = bool(said) and all(did.get(key) == said.get(key) for key in ("limit", "max_tokens"))
        rank = asked, did.get("limit") is None
        where = bench.set, bench.calculator
        if where not in best or rank > best[where][0]:
            best[where] = rank, bench
    return {where: bench for where, (_, bench) in best.items()}


def named(store: Store, name: str) -> tuple[list[BenchRow], str]:
    """The benches of a run or model, or one by its id, the newest first, and what they are called."""
    alone = [bench for bench in store.benches() if bench.run is None and bench.model == name]
    if alone:
        return alone, name
    try:
        run = store.run(name)
    except MissingError as error:
        try:
            bench = store.bench(name)
        except MissingError:
            raise error from None
        return [bench], f"bench {bench.id}"
    return store.benches(run.id), f"run {run.id} ({run.title})"


def steps_of(text: str) -> tuple[Step, ...]:
    """The steps of a text: its labelled lines or, where it has none, each line before `####`."""
    if "Ask:" in text or "Work:" in text:
        labelled = scheme.read(text).steps
        if labelled:
            return labelled
    return tuple(Step("", line.strip()) for line in text.partition("####")[0].splitlines() if line.strip())


def judged(output: Output, *, steps: bool = True) -> Prediction:
    """The output as a prediction: read and compared as socli does, whatever verdict the row brings.

    A bare answer is compared as it is. In a text the final answer is found by `answer.final`, and in one that
    ran out of tokens it is not looked for. Where there is nothing but a verdict, it stands. `steps`: whether
    the text's steps are read too.
    """
    problem, text, reason = output.problem, output.text or "", output.finish_reason
    found = output.answer
    if found is None and reason in (None, "answered"):
        found = answer.final(text, problem.kind)
    normal = None if found is None else sources.normal(found, problem.kind)
    # gold is in its normal form already
    correct = None if problem.gold is None else normal is not None and normal == problem.gold
    if output.answer is None and output.text is None and reason is None:
        correct, reason = output.correct, "answered"
    elif reason is None or reason in ENDED:
        reason = "unreadable" if normal is None else "answered"
    return Prediction(
        problem_id=problem.id,
        steps=steps_of(text) if text and steps else (),
        answer=normal,
        correct=correct,
        finish_reason=reason,
        calculator=bool(output.calculator),
        tokens=output.tokens,
        seconds=0.0,
        text=text if output.text is not None else output.answer or "",
    )


def _parsed(line: bytes | str) -> dict[str, Any]:
    try:
        text = line if isinstance(line, str) else line.decode()
        row = json.loads(text.removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} of it is 0x{error.object[error.start]:02x}"
        raise UsageError(f"is not UTF-8: {wrong}") from error
    except RecursionError as error:
        raise UsageError("is nested too deeply") from error
    except ValueError as error:
        reason = "a number is too long"
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} at column {error.colno}"
        raise UsageError(f"is not JSON: {reason}") from error
    if not isinstance(row, dict):
        raise UsageError("is not an object")
    return row


def _of_lm_eval(row: dict[str, Any]) -> bool:
    return isinstance(row.get("doc"), dict) and isinstance(row.get("resps"), list)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of lm-eval's sample logs as one of ours."""
    said = row["resps"]
    while isinstance(said, list):
        said = said[0] if said else None
    named = {"id": row.get("doc_id"), "answer": row["doc"].get("answer", row.get("target"))}
    return {**row["doc"], **named, "response": said}


def _output(row: dict[str, Any], number: int, fields: Fields, problem_of: _Reader) -> Output:
    own = row.get("id")
    id = None if own is None or isinstance(own, dict | list) else str(own)
    asked = isinstance(row.get(fields.question), str) and bool(row[fields.question].strip())
    if not asked:
        row = {**row, fields.question: id or f"row {number}"}
    problem = problem_of(number, row)
    correct = row.get("correct")
    bare, text = _said(row, fields)
    if "prediction" not in row and text is None and not isinstance(correct, bool):
        raise UsageError("has no `prediction`, `response` or `correct`")
    calculator, tokens = row.get("calculator"), row.get("tokens")
    return Output(
        number=number,
        problem=problem,
        id=id,
        asked=asked,
        answer=bare,
        text=text,
        correct=correct if isinstance(correct, bool) else None,
        finish_reason=_reason(row),
        calculator=calculator if isinstance(calculator, bool) else None,
        tokens=tokens if type(tokens) is int and 0 <= tokens < 2**53 else 0,
    )


def _said(row: dict[str, Any], fields: Fields) -> tuple[str | None, str | None]:
    """The bare answer and the text. A `prediction` of several lines, or with `####`, is a text."""
    bare = row.get("prediction")
    if bare is not None and not isinstance(bare, str | int | float):
        raise UsageError("has a `prediction` that is neither text nor a number")
    key = "response" if "response" in row else "text"
    text = None if key in (fields.question, fields.answer, fields.context) else row.get(key)
    if text is not None and not isinstance(text, str):
        raise UsageError(f"has a `{key}` that is not text")
    if isinstance(bare, str) and ("\n" in bare or "####" in bare):
        return None, bare if text is None else text
    return None if bare is None else str(bare), text


def _reason(row: dict[str, Any]) -> FinishReason | None:
    said = row.get("finish_reason")
    if isinstance(said, str):
        if said in _CUT:
            return "truncated"
        if said in _REASONS:
            return _REASONS[said]
    return "unreadable" if "prediction" in row and row["prediction"] is None else None
