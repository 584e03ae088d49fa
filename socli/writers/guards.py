"""When a text under way can only go wrong: it says the same over and over, or a step is not a new one."""

from collections.abc import Sequence

from socli.problem import FinishReason, Step
from socli.scheme import ASK, one_line

TIMES = 4
"""So often in a row a text says the same before it is stopped. Of 440 solutions of GSM8K, every twentieth,
only three do, which the data set spoilt with end tokens."""
LEAST, MOST = 30, 1200
"""Characters the repetitions have at least, so that `0000` is none, and the stretch that is looked at."""


def loops(text: str, times: int = TIMES, least: int = LEAST, most: int = MOST) -> bool:
    """Whether the end of the text is one piece, said at least `times` times in a row.

    The repetitions have `least` characters or more; the last `most` of the text are looked at. By the borders
    of the text read backwards (Knuth, Morris and Pratt 1977), so in linear time.
    """
    end = text[: -most - 1 : -1]
    borders, border = [0], 0
    for at in range(1, len(end)):
        while border and end[at] != end[border]:
            border = borders[border - 1]
        border += end[at] == end[border]
        borders.append(border)
        if at + 1 >= least and at + 1 >= times * (at + 1 - border):
            return True
    return False


def of_question(line: str) -> FinishReason | None:
    """Why the line a decomposer wrote ends the problem; None where it is a whole line that asks something."""
    if not (line.startswith(ASK) and line.endswith("\n")):
        return "unreadable"
    return None if line.removeprefix(ASK).strip() else "empty question"


def of_steps(steps: Sequence[Step]) -> FinishReason | None:
    """Why the last step ends the problem: question and worked answer were there before.

    The question alone may come again: one in six of GSM8K's solutions asks for the same thing twice, with
    another calculation.
    """
    return (
        "repeated step" if steps and steps[-1].text and _same(steps[-1]) in map(_same, steps[:-1]) else None
    )


def _same(step: Step) -> tuple[str, str]:
    return one_line(step.question).casefold(), one_line(step.text).casefold()
