"""How far annotating, training and scoring are, and scorecards, as Rich renderables."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from socli.check import Funnel, stages
from socli.problem import Scorecard, shown_set_name
from socli.screen.render import Drawn, Signs, clock, flow, line, percent, safe, tree
from socli.screen.scene import LOST, Annotating, Benching, Scene, Training

STAGES = ("asked", "answered", "read", "right answer", "right steps", "kept")
"""Of a funnel, in its order: those that are drawn with a bar."""


def picture(scene: Scene, elapsed: float = 0.0, *, stopped: bool = False) -> RenderableType:
    """Everything the scene holds. `elapsed`: seconds since the last workflow began."""
    parts: list[RenderableType] = []
    if scene.annotating:
        now = not (scene.training or scene.benching)
        parts += [Text(), annotating(scene, elapsed if now else 0.0)]
    if scene.training:
        parts += [Text(), training(scene)]
    if scene.benching:
        parts += [Text(), benching(scene, elapsed)]
    if scene.solving:
        parts += [Text(), tree(scene, elapsed, stopped=stopped)]
    return Group(*parts[1:])


def annotating(scene: Scene, elapsed: float = 0.0) -> RenderableType:
    """How far the teacher is, the funnel of what it was asked, what that took and how fast it goes."""
    now = scene.annotating
    if now is None:
        return Group()

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        doing = "Drawing solutions" if now.draws else "Annotating"
        yield Text.assemble((doing, "bold"), " with ", safe(now.began.teacher))
        yield _bar(now.done, now.began.total, signs, width)
        yield from _funnel(now, signs, width)
        for parts in (list(_took(now)), list(_speed(now, elapsed))):
            if parts:
                yield flow(parts, signs, width)

    return Drawn(draw)


def _funnel(now: Annotating, signs: Signs, width: int) -> Iterator[RenderableType]:
    """A bar for each stage, then what was refused for what."""
    told = now.funnel
    if not told.asked:
        return
    counts = stages(told)
    wide = min(40, width - 32)
    for stage in STAGES:
        row = Text(f"{stage:<12}  {counts[stage]:>7,}")
        if wide > 3:
            full = wide * counts[stage] // told.asked
            row.append("  ").append(signs.full * full, "green").append(" " * (wide - full))
        yield row.append(f"  {percent(counts[stage] / told.asked):>7}" if width >= 30 else "", "dim")
    if told.right_answer_wrong_steps:
        yield Text(f"right answer, wrong steps {told.right_answer_wrong_steps:,}", "yellow")
    if told.reasons:
        first, *rest = [f"{count:,} {code}" for code, count in told.reasons.items()]
        yield flow([f"refused: {first}", *rest], signs, width)
    if "no-reply" in told.reasons and now.lost:
        yield Text(f"last without a reply: {line(now.lost.removeprefix(LOST))}", "dim")


def funnelled(told: Funnel) -> str:
    """A funnel in one line."""
    counts = stages(told)
    said = ", ".join(f"{counts[stage]:,} {stage}" for stage in STAGES)
    if told.right_answer_wrong_steps:
        said += f"; {told.right_answer_wrong_steps:,} right answer, wrong steps"
    refused = ", ".join(f"{count:,} {code}" for code, count in told.reasons.items())
    return f"{said}; refused: {refused}" if refused else said


def _took(now: Annotating) -> Iterator[str]:
    """What was spent so far and, while some are left, what all will come to at that rate."""
    used, left = now.used, now.began.total - now.done
    if used is None or not (used.tokens_in or used.tokens_out):
        return
    times = (now.now + left) / now.now if now.now and left > 0 else None
    if used.dollars is None:
        read = f"{used.tokens_in:,} tokens read, " * bool(used.tokens_in)
        yield read + f"{used.tokens_out:,} " + ("written" if read else "tokens written")
        if times:
            yield f"about {times * (used.tokens_in + used.tokens_out):,.0f} in all"
        return
    limit = "" if used.budget is None else f" of {_dollars(used.budget)}"
    yield f"spent {_dollars(used.dollars)}{limit}"
    if times:
        yield f"about {_dollars(times * used.dollars)} in all"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def _rate(a_second: float) -> str:
    """A digit after the point, two where it is slow, none where it is fast."""
    return f"{a_second:,.{0 if a_second >= 100 else 1 if a_second >= 0.1 else 2}f}"


def _speed(now: Annotating, elapsed: float) -> Iterator[str]:
    """Requests and written tokens a second, and the time left; problems a second where nobody is asked."""
    left = now.began.total - now.done
    if now.used is None or not now.used.tokens_out or elapsed < 0.5:
        yield from _pace(now.now, left, elapsed)
        return
    what = "solutions" if now.draws else "requests"
    yield f"{_rate(sum(now.judged.values()) / elapsed)} {what}/s"
    yield f"{_rate(now.used.tokens_out / elapsed)} tokens/s written"
    yield from list(_pace(now.now, left, elapsed))[1:]


def training(scene: Scene) -> RenderableType:
    """How far each role is: step, loss and its curve, speed, time left, last checkpoint; the run's folder."""

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        for one in scene.training:
            yield from _role(one, signs, width)
        if scene.saved and scene.saved.run == scene.training[-1].began.run:
            yield Text.assemble(
                "Saved in ", safe(scene.saved.folder), (f" after {clock(scene.saved.seconds)}", "dim")
            )

    return Drawn(draw)


def _role(now: Training, signs: Signs, width: int) -> Iterator[RenderableType]:
    began, last = now.began, now.last
    yield Text.assemble(("Training", "bold"), f" the {began.role} of ", safe(began.run))
    size = f"{began.parameters / 1e6:,.0f} M parameters"
    passes = f"{began.lessons:,} lessons of {began.tokens:,} tokens"
    yield flow([passes, size, line(f"{began.device} {began.precision}")], signs, width)
    yield _bar(now.step, began.steps, signs, width)
    if last is None:
        return
    loss = f"loss {last.loss:.3f}  "
    yield Text(loss + sparkline(now.curve.points, min(40, width - len(loss)), signs.ramp))
    of = "" if last.share is None else f" ({last.share:.0%} of the machine's limit)"
    speed = [f"{last.tokens_per_second:,.0f} tokens/s{of}", f"{clock(last.seconds_left)} left"]
    kept = [] if now.kept is None else [f"kept to step {now.kept:,}"]
    yield flow(speed + kept, signs, width)
    if now.tried:
        best = max(now.tried, key=lambda one: one.right)
        shares = ", ".join(percent(one.right / one.problems) for one in now.tried[-6:])
        what = "samples judged rightly" if best.role == "verifier" else "problems right"
        of = f"of {best.problems:,} dev {what}: {shares}"
        yield flow([of, f"best at step {best.step:,}"], signs, width)


def benching(scene: Scene, elapsed: float = 0.0) -> RenderableType:
    """The scorecards of the sets that are done, and how far the others are."""
    cards = [one.card for one in scene.benching if one.card]

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        for one in scene.benching:
            if one.card is None:
                yield from _set(one, elapsed, signs, width)
        if cards:
            yield scoreboard(cards)

    return Drawn(draw)


def _set(now: Benching, elapsed: float, signs: Signs, width: int) -> Iterator[RenderableType]:
    began = now.began
    calculator = f", calculator {'on' if began.calculator else 'off'}"
    yield Text.assemble(
        ("Solving", "bold"), " ", safe(shown_set_name(began.set)), " with ", safe(began.model), calculator
    )
    yield _bar(now.done, began.total, signs, width)
    right = [f"{now.correct:,} of {now.judged:,} right"] if now.judged else []
    ends = [f"{count:,} {reason}" for reason, count in now.finishes.items() if reason != "answered"]
    left = 0 if began.total is None else began.total - now.done
    if parts := [*right, *ends, *_pace(now.scored, left, elapsed)]:
        yield flow(parts, signs, width)


def scoreboard(cards: Sequence[Scorecard]) -> RenderableType:
    """Scorecards side by side, as many as fit the width beside each other, the others below."""

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        wide = min(24, max(1, width - 16))
        fit = max(1, (width - 14) // (wide + 2))
        for first in range(0, len(cards), fit):
            if first:
                yield Text()
            yield _scores(cards[first : first + fit], wide)

    return Drawn(draw)


def _scores(cards: Sequence[Scorecard], wide: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(no_wrap=True, style="dim")
    sets = [card.set for card in cards]
    for card in cards:
        table.add_column(safe(shown_set_name(card.set, sets)), max_width=wide, overflow="fold")
    each: dict[str, Sequence[str | Text]] = {
        "model": [safe(card.model) for card in cards],
        "calculator": ["on" if card.calculator else "off" for card in cards],
        "accuracy": [Text(percent(card.accuracy), "bold green") if card.n else "" for card in cards],
        "95 % interval": [
            f"{100 * card.low:.1f} to {percent(card.high)}" if card.n else "" for card in cards
        ],
        "majority": ["" if card.majority is None else percent(card.majority) for card in cards],
        "problems": [f"{card.n:,}" for card in cards],
        "unreadable": [percent(card.unreadable) for card in cards],
        "truncated": [percent(card.truncated) for card in cards],
        "looped": ["" if card.looped is None else percent(card.looped) for card in cards],
        "right on wrong steps": ["" if card.unsound is None else percent(card.unsound) for card in cards],
        "tokens each": [f"{card.tokens / card.n:,.0f}" if card.n else "" for card in cards],
        "seconds each": [_seconds_each(card) for card in cards],
        **_by_steps(cards),
        "bench": [card.bench for card in cards],
    }
    for name, values in each.items():
        if any(values):
            table.add_row(name, *values)
    return table


def _seconds_each(card: Scorecard) -> str:
    return f"{card.seconds / card.n:.2g}" if card.n and card.seconds else ""


def _by_steps(cards: Sequence[Scorecard]) -> dict[str, list[str | Text]]:
    """A row for each number of reference steps: the accuracy and how many problems have so many."""
    counts = sorted({one.steps for card in cards for one in card.by_steps})
    found = [{one.steps: one for one in card.by_steps} for card in cards]
    return {
        f"{steps} step{'' if steps == 1 else 's'}": [
            f"{percent(one[steps].correct / one[steps].n)} of {one[steps].n:,}" if steps in one else ""
            for one in found
        ]
        for steps in counts
    }


def _bar(done: int, total: int | None, signs: Signs, width: int) -> Text:
    """A bar and the count; the count alone where the total is not known."""
    if total is None:
        return Text(f"{done:,} done")
    count = f"{done:,} of {total:,}"
    wide = max(4, min(40, width - len(count) - 2))
    full = wide * min(done, total) // total if total else wide
    return Text.assemble((signs.full * full, "green"), (signs.rest * (wide - full), "dim"), f"  {count}")


def _pace(done: int, left: int, elapsed: float) -> Iterator[str]:
    """How many a second and, while some are left, how long they take at that rate."""
    if done and elapsed >= 0.5:
        yield f"{_rate(done / elapsed)} a second"
        if left > 0:
            yield f"{clock(left * elapsed / done)} left"


def sparkline(values: Sequence[float], width: int, ramp: str) -> str:
    """The values as one row of at most `width` blocks, the lowest and highest at the ends of `ramp`."""
    means, low, span = _columns(values, width)
    top = len(ramp) - 1
    return "".join(
        ramp[round((mean - low) / span * top) if span else 0] if math.isfinite(mean) else "?"
        for mean in means
    )


def plot(values: Sequence[float], width: int, height: int, ramp: str) -> list[str]:
    """The values as `height` rows of at most `width` columns, the highest and the lowest named beside them.

    `ramp` rises from empty to full; what is no number is a `?`.
    """
    means, low, span = _columns(values, width)
    full = len(ramp) - 1
    levels = [
        1 + round((mean - low) / span * (height * full - 1) if span else 0) if math.isfinite(mean) else None
        for mean in means
    ]
    rows = []
    for row in reversed(range(height)):
        cells = ("?" if level is None else ramp[min(max(level - row * full, 0), full)] for level in levels)
        named = {height - 1: f"{low + span:.3f}", 0: f"{low:.3f}"}.get(row, "")
        rows.append(f"{named:>8} {''.join(cells)}".rstrip())
    return rows


def _columns(values: Sequence[float], width: int) -> tuple[list[float], float, float]:
    """The means of at most `width` runs of the values, the lowest, and how far the highest is above it."""
    width = min(width, len(values))
    parts = [values[n * len(values) // width : (n + 1) * len(values) // width] for n in range(width)]
    means = [sum(part) / len(part) for part in parts]
    finite = [mean for mean in means if math.isfinite(mean)]
    return means, *((min(finite), max(finite) - min(finite)) if finite else (0.0, 0.0))


def counted(scene: Scene, elapsed: float = 0.0) -> str | None:
    """How far annotating or scoring is, in one line for a log; `elapsed` as for `picture`."""
    if scene.benching and scene.benching[-1].card is None:
        bench = scene.benching[-1]
        right = f"{bench.correct:,} of {bench.judged:,} right"
        of = "" if bench.began.total is None else f" of {bench.began.total:,}"
        return line(f"{shown_set_name(bench.began.set)}: {bench.done:,}{of} solved, {right}")
    if now := scene.annotating:
        told = [f"{now.done:,} of {now.began.total:,} annotated", f"{now.refused:,} refused"]
        if now.draws and now.now:
            kept = f"{now.traced:,} of {now.now:,} kept ({percent(now.traced / now.now)})"
            told = [f"{now.done:,} of {now.began.total:,} drawn", kept]
        return ", ".join([*told, *_took(now), *_speed(now, elapsed)])
    return None
