"""Kept traces as files for other trainers, each with a card that says where its text comes from.

Every format is JSON, one object a line. A spreadsheet would take text that begins with `=` for a formula, so
there is no CSV.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, assert_never

from socli import __version__, check, scheme
from socli.check import Funnel
from socli.errors import StorageError, UsageError
from socli.problem import Problem, Trace, shown_set_name, storable
from socli.scheme import Lesson, Scheme
from socli.store.sqlitefile import now

Format = Literal["jsonl", "chat", "trl"]
"""Whole traces; lessons as chat messages; lessons as the prompts and completions TRL's SFTTrainer reads."""

LICENCES = {
    "gsm8k": "MIT",
    "svamp": "MIT",
    "strategyqa": "MIT (that of its repository)",
    "stories": "Apache-2.0 (made by socli's own generator)",
}
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What JSON may hold as it is and some readers of lines take for the end of one."""
_ROWS = {
    "jsonl": "One trace a line: `question`, `context`, `gold`, `steps`, `answer`, who wrote it and how.",
    "chat": "One lesson a line: `role` learns what stands in messages of the `assistant`.",
    "trl": "One `prompt` and `completion` a line, as TRL's `SFTTrainer` reads them, for each `role`.\n"
    "A decomposer learns to stop from an empty completion: the trainer adds the end token.",
}


@dataclass(slots=True)
class Tally:
    """What was written, for the card."""

    traces: int = 0
    rows: int = 0
    warned: int = 0
    """Traces that `check.warnings` has something to say of."""
    problems: set[str] = field(default_factory=set)
    sources: Counter[str] = field(default_factory=Counter)
    """Traces by where their problem was read."""
    asked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Traces by teacher, prompt hash and sampling."""


def card_of(path: Path) -> Path:
    """Where the card of an export lies: `traces.jsonl.md` beside `traces.jsonl`."""
    return path.with_name(f"{path.name}.md")


def rows(problem: Problem, trace: Trace, form: Scheme, format: Format) -> Iterator[dict[str, Any]]:
    """A trace, or its lessons under the scheme, as objects for JSON. The trace must fit the scheme."""
    match format:
        case "jsonl":
            told = asdict(trace)
            shown = {key: getattr(problem, key) for key in ("question", "context", "gold", "kind", "source")}
            shown["source"] = shown_set_name(problem.source)
            yield {"id": trace.id, "problem": told.pop("problem_id"), **shown, **told}
        case "chat":
            for lesson in scheme.lessons(problem, trace, form):
                yield {"id": trace.id, "role": lesson.role, "messages": _messages(lesson)}
        case "trl":
            for lesson in scheme.lessons(problem, trace, form):
                for prompt, completion in _pairs(lesson):
                    yield {"id": trace.id, "role": lesson.role, "prompt": prompt, "completion": completion}
        case _:
            assert_never(format)


def _messages(lesson: Lesson) -> list[dict[str, str]]:
    """What is read as the user's, what is learnt as the assistant's; joined they are the transcript."""
    messages: list[dict[str, str]] = []
    for span in lesson.spans:
        role = "assistant" if span.learnt else "user"
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += span.text
        else:
            messages.append({"role": role, "content": span.text})
    if messages[-1]["role"] == "user":
        messages.append({"role": "assistant", "content": ""})  # the end token is learnt
    return messages


def _pairs(lesson: Lesson) -> Iterator[tuple[str, str]]:
    yield from lesson.pairs()
    if not lesson.spans[-1].learnt:
        yield "".join(span.text for span in lesson.spans), ""


def save(path: Path, kept: Iterable[tuple[Problem, Trace]], form: Scheme, format: Format) -> Tally:
    """Write traces to a new file, whole or not at all; those that do not fit the scheme are left out."""
    for there in (path, card_of(path)):
        if there.exists():
            raise UsageError(f"{there} is there already", hint="name a new file")
    tally = Tally()
    try:
        with _partial(path).open("w", encoding="utf-8", newline="\n") as file:
            for problem, trace in kept:
                if format != "jsonl" and scheme.misfit(trace, form):
                    continue
                count = 0
                for row in rows(problem, trace, form, format):
                    text = json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS)
                    file.write(f"{storable(text)}\n")
                    count += 1
                _count(tally, problem, trace, count)
        _partial(path).replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        _partial(path).unlink(missing_ok=True)
    return tally


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _count(tally: Tally, problem: Problem, trace: Trace, count: int) -> None:
    tally.traces += 1
    tally.rows += count
    tally.warned += bool(check.warnings(trace))
    tally.problems.add(trace.problem_id)
    tally.sources[problem.source] += 1
    sampling = f"temperature {trace.temperature:g}, top_p {trace.top_p:g}, seed {trace.seed}"
    tally.asked[trace.teacher, trace.prompt_hash if trace.teacher != "reference" else "", sampling] += 1


def save_card(path: Path, text: str) -> Path:
    """Write the card of the export at `path`; where it lies."""
    try:
        card_of(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StorageError(f"cannot write {card_of(path)}: {error.strerror}") from error
    return card_of(path)


def card(path: Path, set_name: str, form: Scheme, format: Format, tally: Tally, funnel: Funnel) -> str:
    """Markdown: what the file holds, whose text it is, how it was asked for and what was refused."""
    how = form.name if form.name != "socratic" else f"socratic, {form.roles}"
    how += ", equations alone" * (form.bare and format != "jsonl")
    parts = [
        f"# {quoted(path.name)}",
        f"Kept reasoning traces of {quoted(shown_set_name(set_name))}, written by socli {__version__}"
        f" on {now()[:10]}.",
        f"- Rows: {tally.rows:,}\n- Traces: {tally.traces:,}\n- Problems: {len(tally.problems):,}\n"
        f"- Format: {format}\n- Scheme: {how}",
        _ROWS[format],
        "## Sources and licences\n\n" + "\n".join(_licence(*pair) for pair in tally.sources.most_common()),
        "## Teachers\n\n" + "\n".join(_teacher(*pair) for pair in tally.asked.most_common()),
        _checks(tally, funnel),
    ]
    return "\n\n".join(parts) + "\n"


def _licence(source: str, count: int) -> str:
    known = LICENCES.get(source.partition(":")[0])
    return f"- {quoted(shown_set_name(source))}: {count:,} traces; licence " + (
        f"of the problems: {known}" if known else "not known: ask whoever made the problems"
    )


def _teacher(asked: tuple[str, str, str], count: int) -> str:
    teacher, prompt_hash, sampling = asked
    if teacher == "reference":
        return f"- `reference`: {count:,} traces, the data set's own steps, under its licence"
    return (
        f"- {quoted(teacher)}: {count:,} traces, prompt {quoted(prompt_hash)}, {sampling}; what a model"
        " writes is under the terms of whoever made or runs it: look them up before this is shared"
    )


def _checks(tally: Tally, funnel: Funnel) -> str:
    table = "\n".join(f"| {stage} | {count:,} |" for stage, count in check.stages(funnel).items())
    return (
        "## Checks\n\nAnswers were compared with the gold ones exactly, marked equations recomputed; no model"
        " judged."
        f" {tally.warned:,} of the traces have a step whose value is never used later.\n\n"
        f"| stage | traces |\n| --- | --- |\n{table}"
    )


def quoted(text: str) -> str:
    """Someone else's text as Markdown that stays text: one code span on one line, nothing unseen in it."""
    seen = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
    return f"`{seen[:200].replace('`', chr(39)) or '(none)'}`"
