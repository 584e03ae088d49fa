"""How fast the built-in problems are told, and whether they keep what they promise.

python tests/benchmarks/stories.py
"""

import json
import statistics
import sys
import time
from collections import Counter
from itertools import islice

from socli import arithmetic
from socli.problem import Problem
from socli.stories import frames, stories

TOLD = 50_000
ROUNDS = 3


def figure(name: str, value: float, target: str, holds: bool) -> dict[str, object]:
    return {"name": name, "value": value, "target": target, "holds": holds}


def per_second() -> tuple[float, list[Problem]]:
    """Distinct, checked problems a second on one core: the best of some rounds, since others share it."""
    best = 0.0
    told: list[Problem] = []
    for seed in range(ROUNDS):
        began = time.process_time()
        told = list(islice(stories("train", seed), TOLD))
        best = max(best, TOLD / (time.process_time() - began))
    return best, told


def wrong_marks(problems: list[Problem]) -> int:
    """Steps whose mark does not hold or is not alone, and problems that do not end in their gold answer."""
    wrong = 0
    for problem in problems:
        found = [arithmetic.marks(step.text) for step in problem.steps]
        wrong += sum(len(marks) != 1 or not arithmetic.holds(marks[0]) for marks in found)
        wrong += found[-1][-1].stated != problem.gold
    return wrong


def main() -> int:
    """Measure, print a table and the JSON line; 1 where a figure misses its target."""
    speed, train = per_second()
    test, unseen = (list(islice(stories(split), TOLD)) for split in ("test", "unseen"))
    everything = [*train, *test, *unseen]
    distinct = len({problem.question for problem in everything}) / len(everything)
    wrong = sum(wrong_marks(problems[:10_000]) for problems in (train, test, unseen))
    own = len(frames("unseen"))
    words = statistics.median(len(p.question.split()) for p in islice(stories("train", steps=(1, 3)), 3000))
    step = statistics.median(len(f"{s.question} {s.text}".split()) for p in train[:3000] for s in p.steps)
    rarest = min(Counter(len(problem.steps) for problem in train).values()) / TOLD
    figures = [
        figure("distinct problems per second", round(speed), ">= 3000", speed >= 3000),
        figure("frames of train and test", len(frames("train")), ">= 30", len(frames("train")) >= 30),
        figure("frames of unseen", own, ">= 8", own >= 8),
        figure(f"distinct share of {TOLD} a split", distinct, "1.0", distinct == 1.0),
        figure("wrong marks", wrong, "0", wrong == 0),
        figure("share of the rarest step count", round(rarest, 3), ">= 0.15", rarest >= 0.15),
        figure("median question words, 1 to 3 steps", words, "<= 50", words <= 50),
        figure("median words of a step with its sub-question", step, "<= 20", step <= 20),
    ]
    for row in figures:
        mark = "holds" if row["holds"] else "MISSED"
        print(f"{row['name']:<46} {row['value']:>8} {row['target']:>8}  {mark}")
    print(json.dumps({"figures": figures}))
    return 0 if all(row["holds"] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
