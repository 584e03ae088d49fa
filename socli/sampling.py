"""A student as a teacher: solutions drawn by chance, judged as a teacher's are, and those worth learning.

Rejection sampling for fine-tuning (Yuan et al. 2023), which is a round of self-training (STaR, Zelikman et
al. 2022). All that is drawn is stored, what was refused with its reason, for a verifier to learn from.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import cast

from socli import check, rehearsal, scheme, solvers
from socli.arithmetic import marks
from socli.errors import UsageError
from socli.events import AnnotateBegan, Event, Judged, Noted, Refused, Solved, Traced
from socli.problem import Prediction, Problem, Trace, digest
from socli.recipe import Recipe
from socli.records import RUN, RunRow, TraceRow, Verdict
from socli.rehearsal import Traces
from socli.scheme import Scheme
from socli.solve import Solvers, solve
from socli.store import Store
from socli.tables import BenchTable, frozen_scheme
from socli.writers.pieces import LONGEST, Sampling
from socli.writers.voting import Samples

WAVES = 8
"""Batches of rows that are solved in one go, so that the next row takes the place of one that is done."""

_SPACING = re.compile(r"[\s,$]")


def sample(
    problems: Sequence[Problem],
    run: RunRow,
    how: Sampling,
    form: Scheme,
    table: BenchTable,
    store: Store,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[AnnotateBegan | Traced | Refused | Judged]:
    """Let the students of a run draw `how.repeats` solutions of each problem whose right answer is known.

    All solutions of a problem are judged by the scheme `form` and stored in one transaction, then told; what
    the store has of the same run drawn in the same way is not drawn again. When `stop_asked` says so, the
    problems under way are given up and KeyboardInterrupt is raised. UsageError where the run has no steps.
    """
    refuse(frozen_scheme(run.recipe))
    like = asked(run, how, table)
    before = store.traced(replace(like, sample=how.repeats - 1))  # stored last, with all the others
    wanted = {problem.id: problem for problem in problems if problem.gold is not None}
    missing = [problem for id, problem in wanted.items() if id not in before]
    done = (len(wanted) - len(missing)) * how.repeats
    yield AnnotateBegan(like.teacher, len(wanted) * how.repeats, done)
    if not missing:
        return
    written = 0
    who = solvers.of_run(run, calculator=table.calculator)
    for problem, predictions in drawn(missing, who, how, table, stop_asked):
        kept = store.kept_of([problem.id], like.teacher)[problem.id]
        others = [trace for trace in kept if _asked_alike(trace, like)]
        rows = judged(problem, predictions, like, form, others)
        store.add_traces(rows)
        for row in rows:
            yield Refused(problem, row.reason) if row.reason else Traced(problem, row.trace)
        written += sum(row.tokens_out or 0 for row in rows)
        codes = [code for row in rows if (code := check.code(row.reason))]
        refused: dict[str, int] = {code: codes.count(code) for code in codes}
        yield Judged(len(rows) - len(codes), refused, tokens_out=written)


def with_samples(
    recipe: Recipe,
    traces: Traces,
    runs: Sequence[RunRow],
    store: Store,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, list[tuple[Problem, Trace]]]:
    """The traces, and what all the runs so far drew that is worth learning; the last of them draws now.

    Nothing is drawn for the dev problems of the recipe.
    """
    table, form = recipe.sampling, recipe.to_scheme()
    how = Sampling(table.temperature, table.top_p, recipe.train.seed, table.samples)
    learnt, _ = rehearsal.carved(traces, recipe)
    asking = [problem for problem, _ in learnt]
    yield from sample(asking, runs[-1], how, form, recipe.bench, store, stop_asked)
    likes = [asked(run, how, recipe.bench) for run in runs]
    found = worth_learning(learnt, likes, how.repeats, form, recipe.problems.set_name, store)
    of = len({problem.id for problem, _ in found})
    yield Noted(f"{len(found):,} samples with new equations, of {of:,} problems, are learnt from too")
    return [*traces, *found]


def compared(runs: Sequence[RunRow], store: Store) -> Iterator[Noted]:
    """Where dev problems were tried in several rounds: how many came out right with the weights of each."""
    metrics = [[row for row in store.metrics(run.id) if row.accuracy is not None] for run in runs]
    for role in dict.fromkeys(row.role for row in metrics[0]) if len(runs) > 1 else ():
        best = [
            max((row.accuracy or 0.0 for row in rows if row.role == role), default=0.0) for rows in metrics
        ]
        told = ", ".join(f"{100 * share:.1f} % in round {number}" for number, share in enumerate(best))
        yield Noted(f"{role}: dev problems right: {told}")


def counted(traces: Traces) -> str:
    """How many of the traces runs drew, and which runs, as more words of a note; nothing where none did."""
    found = [trace.teacher for _, trace in traces if trace.teacher.startswith(RUN)]
    ids = ", ".join(dict.fromkeys(teacher.removeprefix(RUN) for teacher in found))
    return f", {len(found)} of them samples of {ids}" if found else ""


def refuse(form: Scheme) -> None:
    """UsageError where nothing but answers would be drawn, which the data has already."""
    if form.name == "answer":
        raise UsageError(
            "samples are worth learning for their steps, and the scheme `answer` writes none",
            hint="let another scheme be sampled, or leave train.rounds at 0",
        )


def asked(run: RunRow, how: Sampling, table: BenchTable) -> Trace:
    """What every trace has that the run draws in this way: all but problem, steps, answer and number."""
    prompt = digest("sampled", f"calculator {'on' if table.calculator else 'off'}")
    return Trace("", (), "", RUN + run.id, prompt, how.temperature, how.top_p, how.seed)


def drawn(
    problems: Sequence[Problem],
    who: Solvers,
    how: Sampling,
    table: BenchTable,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Problem, list[Prediction]]]:
    """The solutions of each problem, in the order of their chance, as soon as the last of them is there."""
    for n, writer in enumerate(filter(None, (who.student, who.decomposer, who.planner))):
        cast("Samples", writer).sample(replace(how, seed=how.seed + n * 2**32))  # to each its own chance
    for some in _lots(problems, max(1, table.batch * WAVES // how.repeats)):
        rows = [replace(problem) for problem in some for _ in range(how.repeats)]
        places = {id(row): place for place, row in enumerate(rows)}  # equal, so told apart by what they are
        solved: dict[int, Prediction] = {}
        together = max(1, min(table.batch, LONGEST // max(1, *(problem.length for problem in some))))
        for event in solve(rows, who, table.max_tokens, together):
            if stop_asked():
                raise KeyboardInterrupt
            if isinstance(event, Solved):
                place = places[id(event.problem)]
                solved[place] = event.prediction
                first = place - place % how.repeats
                ours = range(first, first + how.repeats)
                if all(n in solved for n in ours):
                    yield rows[first], [solved.pop(n) for n in ours]


def judged(
    problem: Problem, predictions: Sequence[Prediction], like: Trace, form: Scheme, others: Sequence[Trace]
) -> list[TraceRow]:
    """Each solution as a trace with its verdict; `others` are kept ones of the problem from before."""
    kept, rows = list(others), []
    for number, one in enumerate(predictions):
        trace = replace(like, problem_id=problem.id, steps=one.steps, answer=one.answer or "", sample=number)
        cut = "length" if one.finish_reason == "truncated" else one.finish_reason
        told = check.judge(problem, trace, form, reply=one.text, finish_reason=cut, others=kept)
        if told.code is None:
            kept.append(trace)
        verdict: Verdict = "refused" if told.code else "kept"
        rows.append(TraceRow(trace, verdict, told.reason, one.text, one.finish_reason, tokens_out=one.tokens))
    return rows


def worth_learning(
    traces: Traces, likes: Sequence[Trace], samples: int, form: Scheme, set_name: str, store: Store
) -> list[tuple[Problem, Trace]]:
    """Of the first so many samples of each problem that were asked for like one of these: the kept ones that
    arrive at their answer on another way than the traces and each other.

    Two traces go the same way where their equations are the same, in order: a small student varies the words
    around them for the worse (docs/decisions/0016-rounds-from-the-base.md). Words count where no trace of the
    problem marks an equation.
    """
    ids = {problem.id for problem, _ in traces}
    marking = {problem.id for problem, trace in traces if equations(trace)}
    ways = {(problem.id, way(trace)) for problem, trace in traces}
    found = []
    for like in likes:
        for problem, trace in store.kept(set_name, like.teacher, like.prompt_hash):
            mine = problem.id in ids and trace.sample < samples and _asked_alike(trace, like)
            sound = check.arrives(trace) and not (
                scheme.misfit(trace, form) or check.outdated(problem, trace)
            )
            if problem.id in marking and not equations(trace):
                continue
            if mine and sound and (problem.id, way(trace)) not in ways:
                ways.add((problem.id, way(trace)))
                found.append((problem, trace))
    return found


def way(trace: Trace) -> tuple[str, ...]:
    """The equations of a trace; its words where it marks none."""
    return equations(trace) or (check.folded(trace),)


def equations(trace: Trace) -> tuple[str, ...]:
    """What a trace computes, in order, without spacing and currency."""
    return tuple(_SPACING.sub("", mark.expression) for step in trace.steps for mark in marks(step.text))


def _asked_alike(trace: Trace, like: Trace) -> bool:
    """Whether they were drawn in the same way, whatever the problem and the sample's number."""
    same = replace(trace, problem_id="", steps=(), answer="", sample=0)
    return same == like


def _lots(problems: Sequence[Problem], most: int) -> Iterator[list[Problem]]:
    """Problems of like length, so many at a time."""
    ordered = sorted(problems, key=lambda problem: problem.length)
    for at in range(0, len(ordered), most):
        yield ordered[at : at + most]
