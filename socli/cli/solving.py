"""How `socli bench` solves what it scores: by whom, with which votes; once, for noise, or swapped."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, get_args

from socli.cli import parts, wiring
from socli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from socli.cli.inputs import Input
    from socli.cli.parts import Parts
    from socli.engine.student import Precision
    from socli.events import Event
    from socli.records import RunRow
    from socli.solve import Solvers
    from socli.sources import Fields
    from socli.store import Store
    from socli.tables import BenchTable
    from socli.writers.pieces import Sampling

    Load = Callable[[Precision | None], Solvers]


@dataclass(frozen=True, slots=True)
class Job:
    """What solving any of the inputs takes beside whoever solves."""

    db: "Callable[[], Store]"
    table: "BenchTable"
    fields: "Fields"
    seed: int
    chosen: "Parts"
    how: "Sampling"
    again: bool

    def set_name(self, one: "Input") -> str:
        """What the set is called in the store."""
        from socli.tables import ProblemsTable

        return ProblemsTable(train=one.name, steps=self.table.steps, seed=self.seed).set_name

    def solved(self, one: "Input", who: "Solvers", table: "BenchTable | None" = None) -> "Iterator[Event]":
        """The events of solving one set and scoring the answers."""
        from socli import solvers
        from socli.bench import bench

        table = table or self.table
        own = replace(self.chosen, calculator=table.calculator, precision=_precision(who))
        problems, total, kind = wiring.bench_problems(one.spec, table, self.seed, self.fields, one.lines)
        if self.chosen.decomposer == parts.GOLD:  # all must be known before the first is asked
            problems = list(problems)
            parts.check(own, problems)
        who = parts.with_parts(solvers.shown(who, kind), own, self.db(), problems, kind)
        who = parts.sampled(who, own, self.how, kind, self.db())
        return bench(self.set_name(one), problems, who, self.db(), table, total=total, again=self.again)

    def each(
        self, inputs: "Sequence[Input]", who: "Solvers", table: "BenchTable"
    ) -> "Iterator[Iterator[Event]]":
        """The events of each input that is to be solved."""
        return (self.solved(one, who, table) for one in inputs if not one.answered)

    def loader(self, row: "RunRow | None", model: str | None, table: "BenchTable") -> "Load":
        """What loads whoever answers, a run's students or the untrained model, in a precision."""

        def load(precision: "Precision | None") -> "Solvers":
            own = replace(self.chosen, calculator=table.calculator, precision=precision)
            return parts.solvers_of(row, model, own, self.fields.kind)

        return load

    def measure(
        self,
        inputs: "Sequence[Input]",
        ready: "Sequence[Load]",
        noise: bool,
        swap: bool,
        precision: "Precision | None",
        *,
        ordered: bool,
        json: bool,
    ) -> None:
        """What differs by chance (`noise`) or is lost by a part (`swap`); UsageError where that cannot be."""
        if noise and swap:
            raise UsageError("--noise and --swap exclude each other", hint="measure one after the other")
        self._refuse(inputs, ready, precision, noise=noise, ordered=ordered)
        if noise:
            self._noise(inputs, ready[0], json=json)
        else:
            self._swapped(inputs, ready[0](precision), json=json)

    def _refuse(
        self,
        inputs: "Sequence[Input]",
        ready: "Sequence[Load]",
        precision: "Precision | None",
        *,
        noise: bool,
        ordered: bool,
    ) -> None:
        """UsageError where `--noise` or `--swap` do not go with what else was said."""
        flag = "--noise" if noise else "--swap"
        if not ready or any(one.answered for one in inputs):
            raise UsageError(
                f"{flag} solves anew, and these rows bring their answers", hint=f"leave out {flag}"
            )
        if len(ready) > 1:
            raise UsageError(f"{flag} looks at one run alone", hint="name it with --run")
        if noise and any(one.lines is not None for one in inputs):
            raise UsageError(
                "--noise solves a set four times, and stdin can be read once", hint="name a file"
            )
        if noise and (precision or self.chosen.base_url):
            raise UsageError(
                "--noise solves in both precisions, with students here",
                hint="leave out --precision and --base-url",
            )
        if not noise and (self.chosen.changed or ordered):
            raise UsageError(
                "--swap puts in parts itself, without votes, and prints no predictions that could be ordered",
                hint="leave out --decomposer, --solver, --votes, --until-valid and --ordered",
            )

    def _noise(self, inputs: "Sequence[Input]", ready: "Load", *, json: bool) -> None:
        """Each set at two batch sizes and precisions."""
        from socli.cli.noise import measure

        loaded = lru_cache(1)(ready)  # one student at a time in memory
        for one in inputs:

            def scored(batch: int, precision: "Precision", one: "Input" = one) -> "Iterator[Event]":
                return self.solved(one, loaded(precision), self.table.model_copy(update={"batch": batch}))

            measure(one.name, self.table.batch, scored, self.db(), json=json)

    def _swapped(self, inputs: "Sequence[Input]", who: "Solvers", *, json: bool) -> None:
        """Each set as it is, with gold questions, and with gold answers."""
        from socli.cli import swap

        for one in inputs:
            problems, _, _ = wiring.bench_problems(one.spec, self.table, self.seed, self.fields, one.lines)
            swap.measure(
                self.set_name(one), list(problems), who, self.db(), self.table, again=self.again, json=json
            )


def _precision(who: "Solvers") -> "Precision | None":
    """What students here are loaded in; None of those on a server."""
    from socli.engine.student import Precision

    return next((known for known in get_args(Precision) if known == who.precision), None)
