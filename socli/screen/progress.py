"""How far annotating, training and scoring are, and scorecards, as Rich renderables."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from socli.problem import Scorecard
from socli.screen.render import Drawn, Signs, clock, flow, line, percent, safe, tree
from socli.screen.scene import Benching, Scene, Training


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
    """How far the teacher is, how fast, and why traces were refused."""
    now = scene.annotating
    if now is None:
        return Group()
    began, refused = now.began, sum(now.refused.values())

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        yield Text.assemble(("Annotating", "bold"), " with ", safe(began.teacher))
        yield _bar(now.done, began.total, signs, width)
        pace = _pace(now.now, began.total - now.done, elapsed)
        yield flow([f"{now.traced:,} traced", f"{refused:,} refused", *pace], signs, width)
        for reason, count in sorted(now.refused.items(), key=lambda item: -item[1]):
            yield Text(f"{count:>7,}  {line(reason)}", "dim")

    return Drawn(draw)


def training(scene: Scene) -> RenderableType:
    """How far each role is: step, loss and its curve, speed, time left, last checkpoint; the run's folder."""

    def draw(signs: Signs, width: int) -> Iterator[RenderableType]:
        for one in scene.training:
            yield from _role(one, signs, width)
        if scene.saved:
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
        of = f"of {best.problems:,} dev problems right: {shares}"
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
    yield Text.assemble(("Solving", "bold"), " ", safe(began.set), " with ", safe(began.model), calculator)
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
    for card in cards:
        table.add_column(safe(card.set), max_width=wide, overflow="fold")
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
        "tokens each": [f"{card.tokens / card.n:,.0f}" if card.n else "" for card in cards],
    }
    for name, values in each.items():
        if any(values):
            table.add_row(name, *values)
    return table


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
        yield f"{done / elapsed:,.1f} a second"
        if left > 0:
            yield f"{clock(left * elapsed / done)} left"


def sparkline(values: Sequence[float], width: int, ramp: str) -> str:
    """The values as one row of at most `width` blocks, the lowest and highest at the ends of `ramp`."""
    width = min(width, len(values))
    parts = [values[n * len(values) // width : (n + 1) * len(values) // width] for n in range(width)]
    means = [sum(part) / len(part) for part in parts]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, span = (min(finite), max(finite) - min(finite)) if finite else (0.0, 0.0)
    top = len(ramp) - 1
    return "".join(
        ramp[round((mean - low) / span * top) if span else 0] if math.isfinite(mean) else "?"
        for mean in means
    )


def counted(scene: Scene) -> str | None:
    """How far annotating or scoring is, in one line for a log."""
    if scene.benching and scene.benching[-1].card is None:
        bench = scene.benching[-1]
        right = f"{bench.correct:,} of {bench.judged:,} right"
        of = "" if bench.began.total is None else f" of {bench.began.total:,}"
        return line(f"{bench.began.set}: {bench.done:,}{of} solved, {right}")
    if now := scene.annotating:
        refused = sum(now.refused.values())
        return f"{now.done:,} of {now.began.total:,} annotated, {refused:,} refused"
    return None
