"""Draw docs/solve.svg, the tree that `socli solve` grows: `python docs/picture.py`.

A stories problem of the test split with its own reference steps, told as the events that a student
would make and drawn by the renderer of the command. No model takes part, so the picture is the same
everywhere; tests/test_docs.py compares it.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from socli import scheme
from socli.arithmetic import marks
from socli.events import Event, Opened, Solved, Wrote
from socli.problem import Prediction, Problem
from socli.screen.live import svg
from socli.screen.scene import Scene
from socli.stories import stories

FILE = Path(__file__).with_name("solve.svg")
ABOUT = "money box"
"""The first problem of three steps that speaks of one is shown."""

_PIECE = re.compile(r" ?[A-Za-z]+|<<|>>|#+|.|\n")


def replayed(problem: Problem) -> Iterator[Event]:
    """The events of a student that writes exactly the reference steps; the calculator writes its values."""
    text = scheme.write(problem.steps, problem.gold or "", scheme.Scheme())
    yield Opened(problem, calculator=True)
    for piece, computed in _pieces(text):
        yield Wrote(problem.id, piece, "student", computed)
    yield Solved(
        problem,
        Prediction(
            problem_id=problem.id,
            steps=problem.steps,
            answer=problem.gold,
            correct=True,
            finish_reason="answered",
            calculator=True,
            tokens=len(_PIECE.findall(text)),  # about what a tokenizer makes of it
            seconds=0.0,  # nothing was timed, so no speed is shown
            text=text,
        ),
    )


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The transcript in words, digits and signs, and whether the calculator wrote them."""
    at = 0
    for mark in marks(text):
        value = mark.end - len(f"{mark.stated}>>")
        yield from ((piece, False) for piece in _PIECE.findall(text[at:value]))
        yield text[value : mark.end], True
        at = mark.end
    yield from ((piece, False) for piece in _PIECE.findall(text[at:]))


def drawn() -> str:
    """The picture."""
    told = islice(stories("test", seed=0, steps=(3, 3)), 1000)
    problem = next(problem for problem in told if ABOUT in problem.question)
    scene = Scene()
    for event in replayed(problem):
        scene = scene.after(event)
    return svg(scene, "socli solve")


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
