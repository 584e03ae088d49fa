"""Who solves: the students of a Run, or a student that was never trained, ready to write."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from socli import prompts, scheme
from socli.engine.decode import Writer
from socli.engine.packed import pack
from socli.engine.student import Precision, Student, device, fast_precision, load
from socli.engine.verify import rightness
from socli.errors import MissingError, UsageError
from socli.problem import AnswerKind
from socli.records import RunRow
from socli.release.folder import place_of, refuse_unfinished, refuse_verifier
from socli.scheme import Scheme
from socli.solve import Solvers
from socli.tables import frozen_scheme
from socli.writers.voting import Verifier


def of_run(run: RunRow, *, calculator: bool, precision: Precision | None = None) -> Solvers:
    """The trained students of a run that is done, in a store or in a released folder."""
    refuse_unfinished(run)
    refuse_verifier(run)
    form = frozen_scheme(run.recipe)
    precision, name = precision or fast_precision(device()), run.id or run.name
    writers = {
        role: _writer(place_of(run.folder, role), name, calculator and role != "decomposer", precision)
        for role in scheme.roles(form)
    }
    return Solvers(
        name,
        form,
        writers["solver" if form.split else "student"],
        writers.get("decomposer"),
        run=run.id or None,
        calculator=calculator,
        precision=precision,
        planner=writers.get("planner"),
    )


def verifier_of(run: RunRow, *, precision: Precision | None = None) -> Verifier:
    """The student of a run that weighs what others write; UsageError where the run has none."""
    refuse_unfinished(run)
    name = run.id or run.name
    if run.solves:
        raise UsageError(
            f"run {name} solves problems and is no verifier",
            hint="train one on its samples: --set scheme.name=verify --set teacher.model=run:ID",
        )
    precision = precision or fast_precision(device())
    return Verifier(name, partial(rightness, _student(place_of(run.folder, "verifier"), name, precision)))


def untrained(
    folder: Path,
    name: str,
    form: Scheme,
    kind: AnswerKind,
    *,
    calculator: bool,
    precision: Precision | None = None,
) -> Solvers:
    """A student as it came, shown worked examples before each problem; one model writes it all."""
    alone = Scheme(form.name, "unified", form.sub_answers)
    precision = precision or fast_precision(device())
    writer = _writer(folder, name, calculator, precision)
    shown = prompts.prefix(alone, kind)
    return Solvers(name, alone, writer, prefix=shown, calculator=calculator, precision=precision)


def shown(who: Solvers, kind: AnswerKind) -> Solvers:
    """The same solvers, shown worked examples of this kind if they are shown any."""
    return replace(who, prefix=prompts.prefix(who.scheme, kind)) if who.prefix else who


def _writer(folder: Path, name: str, calculator: bool, precision: Precision) -> Writer:
    return Writer(_student(folder, name, precision), calculator=calculator)


def _student(folder: Path, name: str, precision: Precision) -> Student:
    if not folder.is_dir():
        raise MissingError(
            f"the weights of {name} are not in {folder}", hint="train it again with `socli distill`"
        )
    return pack(load(folder, name, precision))
