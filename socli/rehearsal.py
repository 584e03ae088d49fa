"""Solve problems that are kept out of training with one role of a student that is still learning.

What the other role would write comes from the reference: a solver is given its sub-questions, a
decomposer its worked answers. So each role is measured by itself, at any step.
"""

import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from socli import scheme
from socli.engine.decode import Writer
from socli.engine.student import Student
from socli.engine.verify import rightness
from socli.events import Evaluated, Role, Solved
from socli.problem import Prediction, Problem, Trace
from socli.recipe import Recipe
from socli.scheme import ASK, END, Scheme
from socli.solve import Solvers, Writes, solve
from socli.tables import BenchTable
from socli.writers.pieces import Piece

Traces = Sequence[tuple[Problem, Trace]]


def carved(traces: Traces, recipe: Recipe) -> tuple[Traces, Traces]:
    """Traces to learn from, and those of `train.dev` problems drawn by the seed that are not learnt from.

    Which problems these are depends on the problems and the seed alone: all schemes draw the same. At
    least one problem is left to learn from; problems without a known answer are not drawn. One trace
    stands for a dev problem, but a verifier is tried on all its samples.
    """
    known = sorted({problem.id for problem, _ in traces if problem.gold is not None})
    count = min(recipe.train.dev, max(0, len({problem.id for problem, _ in traces}) - 1), len(known))
    drawn = {*random.Random(recipe.train.seed).sample(known, count)}  # noqa: S311  a choice, not a secret
    learnt = [pair for pair in traces if pair[0].id not in drawn]
    if recipe.scheme.name == "verify":
        return learnt, [pair for pair in traces if pair[0].id in drawn]
    first = {problem.id: (problem, trace) for problem, trace in reversed(traces) if problem.id in drawn}
    return learnt, [first[id] for id in sorted(first)]


def measurable(role: Role, form: Scheme) -> bool:
    """Whether one role can be measured beside the reference: where nobody plans ahead."""
    return role in ("student", "verifier") or (form.decomposer == "interleaved" and form.guide == "none")


class Reference:
    """Writes what the other role wrote in the reference, in its place; see `socli.solve.Writes`."""

    def __init__(self, turns: Sequence[Sequence[str]], answers: Sequence[str]) -> None:
        self._turns = [list(some) for some in turns]
        self._answers = answers
        self._answering: set[int] = set()

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """One row a prompt, in the order of the turns."""

    def add(self, number: int, text: str) -> None:
        """Notice where the answer is asked for."""
        if text.endswith(END):
            self._answering.add(number)

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """The next turn of each row, or its answer, or its end."""
        for n in limits:
            if n in self._answering:
                yield Piece(n, f" {self._answers[n]}", stop="end")
            elif self._turns[n]:
                yield Piece(n, self._turns[n].pop(0), stop="line")
            else:
                yield Piece(n, "", stop="end")


def rehearse(learner: Student, role: Role, form: Scheme, dev: Traces, table: BenchTable) -> int:
    """How many of the problems come out right, or of a verifier's samples are judged rightly; the model is in
    training mode before and after.
    """
    learner.model.eval()
    if role == "verifier":
        right = _judged_rightly(learner, form, dev)
        learner.model.train()
        return right
    right = 0
    for start in range(0, len(dev), table.batch):
        some = dev[start : start + table.batch]
        who = _beside(learner, role, form, some, calculator=table.calculator)
        trace_of = {problem.id: trace for problem, trace in some}
        for event in solve([problem for problem, _ in some], who, table.max_tokens):
            if isinstance(event, Solved):
                right += is_right(role, event.prediction, trace_of[event.problem.id])
    learner.model.train()
    return right


def _judged_rightly(learner: Student, form: Scheme, dev: Traces) -> int:
    """How many samples the learner takes for what they are; half a chance counts as no."""
    texts = [
        scheme.claim(scheme.prompt(problem, facts=form.facts), trace.steps, trace.answer)
        for problem, trace in dev
    ]
    shares = zip(rightness(learner, texts), dev, strict=True)
    return sum((share > 0.5) == scheme.is_right(*pair) for share, pair in shares)


def is_right(role: Role, prediction: Prediction, trace: Trace) -> bool:
    """A decomposer is right with as many sub-questions as the reference, all others with the right answer."""
    if role == "decomposer":
        return prediction.finish_reason == "answered" and len(prediction.steps) == len(trace.steps)
    return prediction.correct is True


def _beside(learner: Student, role: Role, form: Scheme, dev: Traces, *, calculator: bool) -> Solvers:
    """The learner in its role, the reference in the other."""
    writer: Writes = Writer(learner, calculator=calculator and role != "decomposer")
    answers = [trace.answer for _, trace in dev]
    asks = [[f"{ASK} {scheme.one_line(step.question)}\n" for step in trace.steps] for _, trace in dev]
    works = [[f" {scheme.worked(step, form)}\n" for step in trace.steps] for _, trace in dev]
    match role:
        case "student":
            return Solvers(learner.name, form, writer, calculator=calculator)
        case "solver":
            return Solvers(learner.name, form, writer, Reference(asks, answers), calculator=calculator)
        case "decomposer":
            return Solvers(learner.name, form, Reference(works, answers), writer, calculator=calculator)
        case _:
            raise ValueError(f"a {role} cannot be measured by itself")


class Rehearsals:
    """Rehearses one role now and then, and keeps the weights of the best time below `folder`.

    The name of their folder, `best-STEP-RIGHT`, is what a training that goes on remembers.
    """

    def __init__(
        self,
        learner: Student,
        role: Role,
        dev: Traces,
        recipe: Recipe,
        folder: Path,
        save: Callable[[Student, Path], None],
    ) -> None:
        self._learner, self._role, self._dev = learner, role, dev
        self._form, self._table = recipe.to_scheme(), recipe.bench
        self._folder, self._save = folder, save
        self._last = 0

    def at(self, step: int) -> Evaluated:
        """Solve the problems; the weights are saved where more come out right than ever before."""
        right = rehearse(self._learner, self._role, self._form, self._dev, self._table)
        for later in self._kept():
            if _numbers(later)[0] >= step:  # of a training that began anew, or of steps that are made again
                shutil.rmtree(later)
        kept = self._kept()
        best = not kept or right > max(kept.values())
        if best:
            self._save(self._learner, self._folder / f"best-{step}-{right}")
            for old in kept:
                shutil.rmtree(old, ignore_errors=True)
        self._last = step
        return Evaluated(self._role, step, right, len(self._dev), best)

    def better_than_last(self) -> Path | None:
        """The folder of the best weights, where they are not those of the last rehearsal."""
        folder = max(self._kept(), key=lambda path: self._kept()[path])
        return None if _numbers(folder)[0] == self._last else folder

    def _kept(self) -> dict[Path, int]:
        """Folders of weights, and how many were right with them."""
        found = self._folder.glob("best-*")
        return {path: _numbers(path)[1] for path in found if not path.name.endswith(".partial")}


def _numbers(folder: Path) -> tuple[int, int]:
    _, step, right = folder.name.split("-")
    return int(step), int(right)
