"""What a verifier learns from: right and wrong samples that a run drew of its problems."""

from collections.abc import Sequence

from socli import scheme
from socli.errors import UsageError
from socli.problem import Problem, Trace
from socli.store import Store


def samples(
    store: Store, set_name: str, limit: int | None, teachers: Sequence[str]
) -> list[tuple[Problem, Trace]]:
    """All samples of the set's problems that were kept or refused for nothing but a wrong answer, the right
    ones of a problem first; what says the same counts once.

    However they were drawn. Those whose answer is right for no good reason (wrong arithmetic, no steps) are
    left out, as are those that came to no answer.
    """
    problems = {problem.id: problem for problem in store.problems(set_name, limit)}
    told: dict[str, dict[str, tuple[Problem, Trace]]] = {id: {} for id in problems}
    found = [trace for _, trace in store.kept(set_name, teachers)]
    for teacher in teachers:
        rows = store.traces(reason="wrong-answer", teacher=teacher, set_name=set_name)
        found += [row.trace for row in reversed([*rows])]
    for trace in found:
        if problem := problems.get(trace.problem_id):
            read = scheme.claim(scheme.prompt(problem), trace.steps, trace.answer)
            told[problem.id].setdefault(read, (problem, trace))
    return [pair for some in told.values() for pair in some.values()]


def shares(traces: Sequence[tuple[Problem, Trace]]) -> str:
    """How many samples are right and how many wrong, as a sentence; UsageError where all are one of these."""
    right = sum(scheme.is_right(*pair) for pair in traces)
    if right in (0, len(traces)):
        alike = "right" if right else "wrong"
        raise UsageError(
            f"all {len(traces):,} samples are {alike}, so there is nothing to tell apart",
            hint="draw more with `socli annotate`, of other problems or at another teacher.temperature",
        )
    of = len({problem.id for problem, _ in traces})
    return (
        f"{len(traces):,} samples of {of:,} problems: {right:,} right ({right / len(traces):.1%}),"
        f" {len(traces) - right:,} wrong"
    )
