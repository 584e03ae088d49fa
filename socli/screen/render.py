"""What the screen shows, as Rich renderables: the tree of a problem, progress, scorecards.

Everything a model, a file or a user wrote goes through `safe`, which leaves nothing a terminal
would obey. What a colour says is said by a sign or a word as well, and where the output is not
Unicode the signs are ASCII. Times come from the caller: a scene has no clock.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text
from rich.tree import Tree

from socli import events
from socli.arithmetic import Mark, holds, marks
from socli.problem import Prediction, Problem, Step, shown_set_name
from socli.records import RUN
from socli.scheme import one_line
from socli.screen.scene import Scene, Solving, lacking, sound

_SEQUENCE = re.compile(
    # a string the terminal would keep (title, clipboard, link), payload and all, where it has an end
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\ufe00-\ufe0f]")  # the last: choose between two looks
_PICTURE = "[\u2190-\u2bff\U0001f000-\U0001faff]"
_JOINED = re.compile(f"(?<={_PICTURE})\u200d(?={_PICTURE})")
_PILE = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED = re.compile(f"({_PILE}{{3}}){_PILE}+")
_UNSEEN = re.compile(  # bidi controls, zero widths, line separators, fillers, tags
    "[\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_LOST = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")

_SIGNS = str.maketrans("×xX·÷−–", "****/--", "$€£")
_LOOSE = re.compile(r"\s*([-+*/()=])\s*|(?<=\d),(?=\d)")
_OPEN_MARK = re.compile(r"<<[^<>=\n]{0,200}(?:=[^<>\n]{0,100}>?)?\Z")


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of a screen; `ramp` rises from low to high."""

    right: str
    wrong: str
    cursor: str
    opens: str
    closes: str
    between: str
    full: str
    rest: str
    ramp: str


UNICODE = Signs("✓", "✗", "█", "‹", "›", " · ", "━", "─", "▁▂▃▄▅▆▇█")
ASCII = Signs("ok", "x", "_", "[", "]", ", ", "#", "-", "_.-=+*#")


def safe(text: str, limit: int = 4000, style: str = "") -> Text:
    """Untrusted text as a terminal may show it: the only way such text gets to the screen.

    Control characters and escape sequences go, line ends become newlines, bidi controls and other
    characters one cannot see are named (`[U+202E]`), and what follows `limit` characters is counted.
    """
    return Text(_clean(text, limit), style)


def _clean(text: str, limit: int = 4000) -> str:
    left_out = len(text) - limit
    text = _SEQUENCE.sub("", text[:limit]).replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    text = _JOINED.sub("", _CONTROL.sub("", text))
    text = _LOST.sub("\ufffd", _PILED.sub(r"\1", text))
    text = _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return f"{text}... {left_out:,} characters left out" if left_out > 0 else text


def line(text: str) -> str:
    """Untrusted text as one line: safe, and every run of white space one blank."""
    return one_line(_clean(text))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws with the signs and in the width of whatever it is printed on."""

    draw: Callable[[Signs, int], Iterable[RenderableType]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.draw(ASCII if options.ascii_only else UNICODE, options.max_width)


@dataclass(frozen=True, slots=True)
class _Hung:
    """A sign and a text whose lines begin to the right of it."""

    sign: Text
    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self.sign.cell_len + 1
        for n, row in enumerate(self.text.wrap(console, max(1, options.max_width - indent))):
            yield Text.assemble(self.sign if n == 0 else " " * self.sign.cell_len, " ", row)


def tree(scene: Scene, elapsed: float | None = None, *, stopped: bool = False) -> RenderableType:
    """The problem, its sub-questions and worked answers as far as they are written, and the answer.

    `elapsed`: seconds since the student began, shown until the prediction says its own. `stopped`:
    nothing more will be written.
    """
    solving = scene.solving
    if solving is None:
        return Group()
    return Drawn(lambda signs, width: _solving(solving, elapsed, stopped, signs, width))


def branches(
    problem: Problem, steps: Sequence[Step], answer: str | None, wrong: int | None = None
) -> RenderableType:
    """The tree of a trace: the problem, its steps, the first wrong one of them marked, and the answer."""
    end = None if answer is None else _answer(answer)
    return Drawn(lambda signs, _: [_grown(problem, steps, end, signs, wrong=wrong)])


def _solving(
    solving: Solving, elapsed: float | None, stopped: bool, signs: Signs, width: int
) -> Iterator[RenderableType]:
    reading, (shares, agreed) = solving.reading, solving.votes
    cursor = None if solving.solved else "" if stopped else signs.cursor
    end = _answer(reading.answer) if reading.answer is not None else None
    if solving.solved:
        end = _verdict(solving.solved.prediction, solving.opened.problem, signs)
    elif end is not None:
        end.append(cursor or "")
    elif not reading.steps:
        end = safe(solving.text.strip()).append(cursor or "")
    if solving.solved and not reading.steps and reading.answer is None:
        steps: tuple[Step, ...] = (Step("", solving.text.strip()),) if solving.text.strip() else ()
    else:
        steps = reading.steps
    if end is not None and agreed is not None:
        end.append(f" {100 * agreed:.0f} %", "dim")
    yield _grown(solving.opened.problem, steps, end, signs, cursor, shares=shares)
    yield flow(_foot(solving, elapsed), signs, width)


def _grown(
    problem: Problem,
    steps: Sequence[Step],
    end: Text | None,
    signs: Signs,
    cursor: str | None = None,
    wrong: int | None = None,
    shares: Sequence[float] = (),
) -> Tree:
    """The cursor stands behind the last step while there is no `end` yet; None: the text is whole."""
    facts = [Text(line(problem.context), "dim")] if problem.context else []
    root = Tree(Group(Text(line(problem.question), "bold"), *facts), guide_style="bright_black")
    for n, step in enumerate(steps):
        share = f" {100 * shares[n]:.0f} %" if n < len(shares) else ""
        growing = cursor if end is None and n == len(steps) - 1 else None
        branch = root.add(_branch(step, signs, growing, share))
        if n == wrong:
            branch.add(Text("the first wrong step", "bold red"))
    if end is not None:
        root.add(end)
    return root


def _branch(step: Step, signs: Signs, cursor: str | None, share: str = "") -> RenderableType:
    """A sub-question, and under it its worked answer between the arithmetic's verdict and its votes."""
    question, text = safe(step.question, style="cyan"), _clean(step.text)
    if not text:
        return question.append(cursor or "")
    verdict = sound(Step("", text)) if cursor is None else None
    sign = {True: Text(signs.right, "green"), False: Text(signs.wrong, "bold red"), None: Text(" ")}[verdict]
    sign.pad_right(len(signs.right) - sign.cell_len)
    work = _Hung(
        sign, _worked(text, signs, growing=cursor is not None).append(share, "dim").append(cursor or "")
    )
    return Group(question, work) if step.question else work


def _worked(text: str, signs: Signs, *, growing: bool = False) -> Text:
    """Clean text with each mark shown once: `3*12 = <<3*12=36>>36` as `3*12 = ‹36›`.

    While it grows, a mark that is not closed yet is a bracket that waits, so that nothing jumps.
    """
    out, at, before = Text(), 0, 0
    for mark in marks(text):
        out.append(text[at : mark.start])
        verdict = holds(mark)
        out.append(signs.opens, "dim")
        if not _said(text[before : mark.start], mark.expression):
            out.append(f"{mark.expression}=")
        out.append(mark.stated, {True: "bold green", False: "bold red", None: "bold"}[verdict])
        out.append(f" {signs.wrong}" if verdict is False else "", "bold red").append(signs.closes, "dim")
        before, at = mark.end, _after(text, mark, growing)
    opened = _OPEN_MARK.search(text, max(at, len(text) - 310)) if growing else None
    out.append(text[at : opened.start() if opened else None])
    return out.append(signs.opens if opened else "", "dim")


def _said(before: str, expression: str) -> bool:
    """Whether the text before a mark ends in `expression =` already."""
    said = _tight(before[-2 * len(expression) - 20 :])
    wanted = f"{_tight(expression)}="
    return said.endswith(wanted) and not re.search(r"[\d.+*/(-]\Z", said.removesuffix(wanted))


def _tight(text: str) -> str:
    """Sums without what people write differently: blanks, signs of currency, × for *."""
    return _LOOSE.sub(r"\1", text.translate(_SIGNS)).strip()


def _after(text: str, mark: Mark, growing: bool) -> int:
    """Where the text goes on behind a mark: past the value, where it is said again."""
    if growing and mark.stated.startswith(text[mark.end :]):
        return len(text)
    again = text.startswith(mark.stated, mark.end)
    end = mark.end + len(mark.stated)
    return mark.end if not again or re.compile(r"[.,]?\d").match(text, end) else end


def _answer(answer: str) -> Text:
    return Text.assemble("Answer: ", (line(answer), "bold"))


def _verdict(prediction: Prediction, problem: Problem, signs: Signs) -> Text:
    """The final answer beside the gold one, or why there is none."""
    if prediction.answer is None:
        return Text(lacking(prediction.finish_reason), "bold red")
    end = _answer(prediction.answer)
    if prediction.correct:
        end.append(f" {signs.right}", "bold green")
    elif prediction.correct is False:
        end.append(f" {signs.wrong}", "bold red").append(f" right is {line(problem.gold or '')}", "dim")
    return end


def _foot(solving: Solving, elapsed: float | None) -> Iterator[str]:
    if solving.solved:
        tokens, seconds = solving.solved.prediction.tokens, solving.solved.prediction.seconds
    else:
        tokens, seconds = solving.pieces, elapsed or 0.0  # a piece is a token, but for broken characters
    yield f"{tokens:,} token{'' if tokens == 1 else 's'}"
    if tokens and seconds > 0:
        yield f"{tokens / seconds:,.0f} tokens/s"
    if seconds > 0:
        yield f"{seconds:.1f} s"
    yield f"calculator {'on' if solving.opened.calculator else 'off'}"
    if solving.solved is None and solving.last and solving.last.by != "student":
        yield f"the {solving.last.by} writes"


def flow(parts: Iterable[str], signs: Signs, width: int, style: str = "dim") -> Text:
    """The parts in a row; a part that does not fit begins a new line whole."""
    rows = [""]
    for part in parts:
        longer = f"{rows[-1]}{signs.between}{part}" if rows[-1] else part
        if len(longer) > width and rows[-1]:
            rows.append(part)
        else:
            rows[-1] = longer
    return Text("\n".join(rows), style)


def told(text: str, signs: Signs) -> str | None:
    """A finished line of a transcript as it is read aloud when piped: label off, marks shown once."""
    label, _, rest = text.partition(" ")
    match label:
        case _ if not text.strip():
            return None
        case "Ask:":
            return line(rest)
        case "Work:":
            return f"  {_worked(line(rest), signs).plain}"
        case "####":
            return f"Answer: {line(rest)}"
        case _:
            return line(text)


def plain(event: events.Event) -> str | None:
    """The event as one line for a log; None where it says nothing by itself."""
    match event:
        case events.Traced() | events.Judged() | events.Wrote():
            return None
        case events.Noted(text):
            said = text
        case events.AnnotateBegan(teacher, total, done):
            doing, what = ("drawing", "solutions") if teacher.startswith(RUN) else ("annotating", "problems")
            said = f"{doing} {total:,} {what} with {teacher}, {done:,} done before"
        case events.Refused(problem, reason):
            said = f"refused {problem.id}: {reason}"
        case events.Evaluated(role, step, right, problems, best):
            kept = ", the best so far" if best else ""
            what = "samples judged rightly" if role == "verifier" else "problems right"
            said = f"{role} step {step:,}: {right:,} of {problems:,} dev {what}{kept}"
        case events.DistillBegan() | events.Trained() | events.Checkpointed() | events.Saved():
            said = _of_distill(event)
        case events.Opened() | events.Solved():
            said = _of_solve(event)
        case events.BenchBegan() | events.Scored() | events.Tallied():
            said = _of_bench(event)
        case _:
            assert_never(event)
    return line(said)


def _of_distill(event: events.DistillBegan | events.Trained | events.Checkpointed | events.Saved) -> str:
    match event:
        case events.DistillBegan():
            on = f", going on from step {event.step:,}" if event.step else ""
            return (
                f"training the {event.role} of {event.run}: {event.lessons:,} lessons of "
                f"{event.tokens:,} tokens, {event.steps:,} steps, "
                f"{event.parameters / 1e6:,.0f} M parameters, {event.device} {event.precision}{on}"
            )
        case events.Trained():
            return (
                f"{event.role} step {event.step:,} of {event.steps:,}, loss {event.loss:.3f}, "
                f"{event.tokens_per_second:,.0f} tokens/s, {clock(event.seconds_left)} left"
            )
        case events.Checkpointed(role, step):
            return f"{role} kept to step {step:,}"
        case events.Saved(run, folder, seconds):
            return f"run {run} saved in {clock(seconds)}: {folder}"
        case _:
            assert_never(event)


def _of_solve(event: events.Opened | events.Solved) -> str:
    match event:
        case events.Opened(problem):
            return problem.question
        case events.Solved(problem, prediction):
            end = _verdict(prediction, problem, ASCII).plain
            return ", ".join(
                [end, *_foot(Solving(events.Opened(problem, prediction.calculator), solved=event), None)]
            )
        case _:
            assert_never(event)


def _of_bench(event: events.BenchBegan | events.Scored | events.Tallied) -> str:
    match event:
        case events.BenchBegan():
            on = "on" if event.calculator else "off"
            many = "the" if event.total is None else f"{event.total:,}"
            return (
                f"solving {many} problems of {shown_set_name(event.set)} with {event.model},"
                f" calculator {on}, {event.done:,} done before"
            )
        case events.Scored(name, number, problem, prediction):
            return f"{shown_set_name(name)} {number:,}: {_verdict(prediction, problem, ASCII).plain}"
        case events.Tallied(card) if card.n == 0:
            return f"{shown_set_name(card.set)} with {card.model}: no gold answers to compare with"
        case events.Tallied(card):
            return (
                f"{shown_set_name(card.set)} with {card.model}: {percent(card.accuracy)} right of {card.n:,} "
                f"(95 % interval {100 * card.low:.1f} to {percent(card.high)}), "
                f"{percent(card.unreadable)} unreadable, {percent(card.truncated)} truncated, "
                f"calculator {'on' if card.calculator else 'off'}"
                f"{', bench ' if card.bench else ''}{card.bench}"
            )
        case _:
            assert_never(event)


def percent(share: float) -> str:
    """A share as per cent with one decimal."""
    return f"{100 * share:.1f} %"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    if not 0 <= seconds < 360_000:  # 100 hours: no guess is worth more digits
        return "?:??"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
