"""Lessons as token ids, and which of them are trained on together.

Batches are rectangles of similar lengths: filling costs little, and causal attention needs no mask
for tokens filled up on the right.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch

from socli.engine.student import Student, longest, tokens
from socli.errors import SocliError
from socli.scheme import Lesson

MICRO_TOKENS = 768
"""Most tokens in one forward pass on a CPU, filling included: the 135M student stays under 5 GB."""
WINDOW = 32
"""Batches are cut from runs of so many batches sorted by length, then shuffled."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A lesson as ids; `learnt[i]` says that ids[i] is a target."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Ids [rows, width] filled up on the right, and where and what the next tokens to learn are.

    `rows` and `places` [targets] point at the hidden states that predict `targets` [targets]. `packed`
    is what the model must know besides where lessons stand one after the other in a single row.
    """

    ids: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor
    packed: Mapping[str, Any] = field(default_factory=dict)


def encode(student: Student, lessons: Sequence[Lesson]) -> list[Encoded]:
    """Each lesson's spans as tokens, with the end token learnt; cut at what the model can attend to."""
    texts = [span.text for lesson in lessons for span in lesson.spans]
    ids = iter(tokens(student, texts))
    encoded = []
    for lesson in lessons:
        row: list[int] = []
        learnt: list[bool] = []
        for span in lesson.spans:
            piece = next(ids)
            row += piece
            learnt += [span.learnt] * len(piece)
        most = longest(student)
        encoded.append(Encoded((*row, student.end)[:most], (*learnt, True)[:most]))
    return encoded


def schedule(lengths: Sequence[int], batch: int, epochs: float, seed: int) -> list[list[int]]:
    """Which lessons each optimizer step takes, all epochs in a row; depends on nothing but its arguments.

    The last epoch may be a part of one; there is one step at least.
    """
    rng = random.Random(seed)  # noqa: S311  an order, not a secret
    steps: list[list[int]] = []
    for _ in range(math.ceil(epochs)):
        order = list(range(len(lengths)))
        rng.shuffle(order)
        cut: list[list[int]] = []
        for start in range(0, len(order), batch * WINDOW):
            window = sorted(order[start : start + batch * WINDOW], key=lambda n: lengths[n])
            cut += [window[i : i + batch] for i in range(0, len(window), batch)]
        rng.shuffle(cut)
        steps += cut
    return steps[: max(1, round(len(steps) * epochs / math.ceil(epochs)))]


def split(lessons: Sequence[Encoded], most: int = MICRO_TOKENS) -> list[list[Encoded]]:
    """The lessons of a step in rectangles of at most `most` tokens (one lesson may be longer)."""
    rectangles: list[list[Encoded]] = []
    for lesson in sorted(lessons, key=lambda lesson: len(lesson.ids)):
        if rectangles and len(lesson.ids) * (len(rectangles[-1]) + 1) <= most:
            rectangles[-1].append(lesson)
        else:
            rectangles.append([lesson])
    return rectangles


def rectangle(lessons: Sequence[Encoded], where: torch.device) -> Rectangle:
    """The lessons side by side as tensors."""
    width = max(len(lesson.ids) for lesson in lessons)
    ids = torch.tensor([[*lesson.ids, *[0] * (width - len(lesson.ids))] for lesson in lessons])
    spots = [
        (row, place - 1, token)
        for row, lesson in enumerate(lessons)
        for place, (token, learnt) in enumerate(zip(lesson.ids, lesson.learnt, strict=True))
        if learnt and place
    ]
    rows, places, targets = torch.tensor(spots).T
    return Rectangle(ids.to(where), rows.to(where), places.to(where), targets.to(where))


def pack(lessons: Sequence[Encoded], where: torch.device) -> Rectangle:
    """The lessons one after the other in a single row, each with positions from 0: no filling."""
    lengths = [len(lesson.ids) for lesson in lessons]
    bounds = [0, *accumulate(lengths)]
    spots = [
        (begin + place - 1, lesson.ids[place])
        for begin, lesson in zip(bounds, lessons, strict=False)
        for place, learnt in enumerate(lesson.learnt)
        if learnt and place
    ]
    ids = torch.tensor([[token for lesson in lessons for token in lesson.ids]])
    positions = torch.tensor([[place for n in lengths for place in range(n)]])
    places, targets = torch.tensor(spots).T
    edges = torch.tensor(bounds, dtype=torch.int32).to(where)
    packed = {
        "position_ids": positions.to(where),
        "cu_seq_lens_q": edges,
        "cu_seq_lens_k": edges,
        "max_length_q": max(lengths),
        "max_length_k": max(lengths),
    }
    rows = torch.zeros_like(places).to(where)
    return Rectangle(ids.to(where), rows, places.to(where), targets.to(where), packed)


def packs(lessons: Sequence[Encoded], most: int) -> list[list[Encoded]]:
    """The lessons of a step in packs of at most `most` tokens (one lesson may be longer)."""
    made: list[list[Encoded]] = []
    room = 0
    for lesson in lessons:
        if not made or len(lesson.ids) > room:
            made.append([])
            room = most
        made[-1].append(lesson)
        room -= len(lesson.ids)
    return made


def checked(student: Student, lessons: Sequence[Lesson], encoded: Sequence[Encoded]) -> None:
    """Assert what training rests on: the prompt is read and not learnt, the end token is learnt.

    The end token of a lesson that was cut is not there. Raises SocliError naming the problem.
    """
    prompts = tokens(student, [lesson.spans[0].text for lesson in lessons])
    for lesson, prompt, row in zip(lessons, prompts, encoded, strict=True):
        if lesson.spans[0].learnt or any(row.learnt[: len(prompt)]):
            raise SocliError(f"the lesson of problem {lesson.problem_id} would learn its own prompt")
        if len(row.ids) < longest(student) and not (row.ids[-1] == student.end and row.learnt[-1]):
            raise SocliError(f"the lesson of problem {lesson.problem_id} would not learn to end")
