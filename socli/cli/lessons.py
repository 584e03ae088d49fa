"""What a student is about to learn, as it stands in its lessons: `socli distill --show-lessons`."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from socli.problem import Problem, Trace
    from socli.scheme import Lesson, Scheme

ENDED = "<end>"


def show(traces: "Sequence[tuple[Problem, Trace]]", form: "Scheme", count: int) -> None:
    """The lessons of the first traces on stdout: what is read is dim, what is learnt is bold.

    Without colours, as in a pipe, what is learnt stands between `{+` and `+}`.
    """
    from rich.console import Console

    from socli import scheme

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    coloured = sys.stdout.isatty() and not console.no_color
    for problem, trace in traces[:count]:
        for lesson in scheme.lessons(problem, trace, form):
            console.print(f"what the {lesson.role} learns from problem {lesson.problem_id}:")
            for piece in _pieces(lesson, coloured=coloured):
                console.print(piece, end="")
            console.print("\n")


def _pieces(lesson: "Lesson", *, coloured: bool) -> "Iterator[Text]":
    from rich.text import Text

    from socli.screen.render import safe

    spans = [(span.text, span.learnt) for span in lesson.spans]
    if spans and spans[-1][1]:  # the end token follows the last learnt span without a break
        spans[-1] = (spans[-1][0] + ENDED, True)
    else:
        spans.append((ENDED, True))
    for text, learnt in spans:
        clean = safe(text)
        if coloured:
            clean.stylize("bold" if learnt else "dim")
            yield clean
        else:
            yield Text.assemble("{+", clean, "+}") if learnt else clean
