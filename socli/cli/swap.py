"""`socli bench --swap`: how much a split student loses in asking, and how much in answering."""

import json as jsons
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from socli.cli import wiring
from socli.errors import UsageError
from socli.problem import shown_set_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socli.problem import Problem, Scorecard
    from socli.solve import Solvers
    from socli.store import Store
    from socli.tables import BenchTable


def measure(
    set_name: str,
    problems: "Sequence[Problem]",
    who: "Solvers",
    db: "Store",
    table: "BenchTable",
    *,
    again: bool,
    json: bool,
) -> None:
    """Bench three times on the problems whose reference has sub-questions and answers, and say what it loses.

    The set is another one where some are left out, and is called so.
    """
    from socli.bench import bench
    from socli.events import Tallied
    from socli.writers.parts import PARTS, fit, swapped

    some = [problem for problem in problems if fit(problem, who.scheme)]
    if not some:
        raise UsageError(f"no problem of {shown_set_name(set_name)} has reference sub-questions with answers")
    name = set_name if len(some) == len(problems) else f"{set_name} with steps"
    cards: list[Scorecard] = []
    sides = [who, *(swapped(who, some, part) for part in PARTS)]
    with wiring.talk() as screen:
        for side in sides:
            for event in bench(name, some, side, db, table, total=len(some), again=again):
                screen.show(event)
                if isinstance(event, Tallied):
                    cards.append(event.scorecard)
    whole, questions, answers = cards
    lost = {"asking": questions.accuracy - whole.accuracy, "answering": answers.accuracy - whole.accuracy}
    if json:
        plain = {"n": whole.n, "lost": lost, "sets": [asdict(card) for card in cards]}
        print(jsons.dumps(plain), file=sys.stderr)
        return
    wiring.say(
        f"{shown_set_name(name)}: {_share(whole)} right, {_share(questions)} with gold questions, "
        f"{_share(answers)} with gold answers: gold questions win {100 * lost['asking']:+.1f} points, "
        f"gold answers {100 * lost['answering']:+.1f} points"
    )


def _share(card: "Scorecard") -> str:
    from socli.screen.render import percent

    return f"{percent(card.accuracy)} of {card.n:,}"
