"""`socli bench --noise`: the same student at two batch sizes and two precisions."""

import json as jsons
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

from socli.cli import wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from socli.engine.student import Precision
    from socli.events import Event
    from socli.problem import Scorecard
    from socli.scoring.noise import Noise
    from socli.store import Store


def sizes(batch: int) -> tuple[int, int]:
    """The batch that was asked for, and a quarter of it."""
    return batch, max(1, batch // 4) if batch > 1 else 2


def measure(
    name: str,
    batch: int,
    scored: "Callable[[int, Precision], Iterator[Event]]",
    db: "Store",
    *,
    json: bool,
) -> None:
    """Bench a set four times, which the store remembers as four benches, and say what differs.

    `scored` gives the events of one bench. Problems that were not answered alike go to stdout as JSONL.
    """
    from socli.engine.student import Precision
    from socli.events import Tallied
    from socli.scoring.noise import noise

    cards: list[Scorecard] = []
    with wiring.talk() as screen:
        for precision in get_args(Precision):
            for size in sizes(batch):
                for event in scored(size, precision):
                    screen.show(event)
                    if isinstance(event, Tallied):
                        cards.append(event.scorecard)
    found = noise([(db.bench(card.bench), list(db.predictions(card.bench))) for card in cards])
    if not sys.stdout.isatty():
        for one in found.differing:
            wiring.print_json({"set": name, **asdict(one)})
    if json:
        print(jsons.dumps(_plain(found)), file=sys.stderr)
    else:
        _show(name, found)


def _plain(found: "Noise") -> dict[str, Any]:
    counted = {key: getattr(found, key) for key in ("n", "texts", "answers", "verdicts", "spread")}
    return {**counted, "settings": found.settings, "sets": [asdict(card) for card in found.cards]}


def _show(name: str, found: "Noise") -> None:
    from socli.screen.render import percent

    for (batch, precision), card in zip(found.settings, found.cards, strict=True):
        wiring.say(f"{name}, batch {batch}, {precision}: {percent(card.accuracy)} right of {card.n:,}")
    wiring.say(
        f"{name}: {100 * found.spread:.1f} points between the highest and the lowest; "
        f"of {found.n:,} problems {found.answers:,} were not answered alike, {found.verdicts:,} of them "
        f"right once and wrong once, {found.texts:,} not written alike"
    )
