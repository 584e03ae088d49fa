"""Who solves, as the options of a command say: students here or served, a teacher, parts by others."""

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from socli.cli import wiring
from socli.errors import UsageError
from socli.problem import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from socli.engine.student import Precision
    from socli.problem import AnswerKind, Problem
    from socli.records import RunRow
    from socli.scheme import Scheme, SchemeName
    from socli.solve import Solvers, Writes
    from socli.store import Store
    from socli.writers.pieces import Piece, Sampling
    from socli.writers.served import Endpoint
    from socli.writers.voting import Verifier

TEACHER, GOLD, TYPED = "teacher", "gold", "-"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the options say of who solves. `teacher` is the model behind the API that a part may be."""

    calculator: bool = True
    base_url: str | None = None
    decomposer: str | None = None
    solver: str | None = None
    teacher: str | None = None
    votes: int = 1
    until_valid: bool = False
    scheme: "SchemeName" = "socratic"
    """What an untrained student is shown."""
    verifier: str | None = None
    precision: "Precision | None" = None

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise than one run or model alone would have it."""
        return bool(self.decomposer or self.solver or self.votes > 1 or self.until_valid)


def check(parts: Parts, problems: "Iterable[Problem] | None" = None, *, one_problem: bool = False) -> None:
    """UsageError where the parts cannot go together, or not with the problems where these are known."""
    if TEACHER in (parts.decomposer, parts.solver) and parts.teacher is None:
        raise UsageError(
            "no teacher is named", hint="name its model with --teacher, its place with --base-url"
        )
    if parts.verifier and parts.votes < 2:
        raise UsageError("--verifier weighs samples, and there is one alone", hint="ask for more: --votes 5")
    if parts.decomposer == GOLD and problems is not None and not any(p.steps for p in problems):
        raise UsageError("these problems have no gold sub-questions", hint="those of gsm8k:test have")
    if parts.decomposer == TYPED and not one_problem:
        raise UsageError("sub-questions are typed for one problem alone", hint="socli solve --decomposer -")
    if parts.decomposer == TYPED and not sys.stdin.isatty():
        raise UsageError("sub-questions are typed on a terminal", hint="or name a run with --decomposer")


def solvers_of(row: "RunRow | None", model: str | None, parts: Parts, kind: "AnswerKind") -> "Solvers":
    """Whoever is named: a run's students here or on a server, an untrained student, a chat model."""
    from socli.scheme import Scheme

    served_at = None if parts.teacher else parts.base_url
    if row is not None:
        return served(row, parts) if served_at else _of_run(row, parts)
    if served_at and model:
        return chat(model, parts, kind, Scheme(parts.scheme))
    return wiring.untrained(model, Scheme(parts.scheme), kind, parts.calculator, parts.precision)


def chat(model: str, parts: Parts, kind: "AnswerKind", form: "Scheme") -> "Solvers":
    """A model behind a chat endpoint that solves on its own."""
    from socli.solve import Solvers
    from socli.writers.chatting import ChatWriter

    writer = ChatWriter(_endpoint(model, parts), form, kind)
    return Solvers(model, form, writer, calculator=False, precision="served")


def served(row: "RunRow", parts: Parts) -> "Solvers":
    """A run's students behind a completion endpoint, each under the name of its role."""
    from socli.release.folder import refuse_verifier
    from socli.solve import Solvers
    from socli.tables import frozen_scheme
    from socli.writers.served import ServerWriter

    refuse_verifier(row)
    form = frozen_scheme(row.recipe)
    name = "solver" if form.split else "student"
    writer = ServerWriter(_endpoint(name, parts), calculator=parts.calculator)
    asking = ServerWriter(_endpoint("decomposer", parts), calculator=False) if form.split else None
    planner = None
    if form.guide != "none":
        planner = ServerWriter(_endpoint("planner", parts), calculator=parts.calculator)
    who = Solvers(row.id or row.name, form, writer, asking, run=row.id or None, planner=planner)
    return replace(who, calculator=parts.calculator, precision="served")


def with_parts(
    who: "Solvers", parts: Parts, store: "Store", problems: "Iterable[Problem]", kind: "AnswerKind"
) -> "Solvers":
    """The solvers with the parts that others take, who are no run's any more."""
    from socli.writers import swapping

    if parts.decomposer is None and parts.solver is None:
        return who
    solver = None
    if parts.solver == TEACHER:
        solver = _teacher(parts, kind)
    elif parts.solver is not None:
        solver = _of_run(wiring.chosen_run(store, parts.solver), parts).student
    decomposer = _decomposer(parts, store, problems, kind)
    changed = swapping.swapped(who, decomposer=decomposer, solver=solver)
    if changed.decomposer is None:
        raise UsageError(f"{who.name} has no decomposer", hint="name one with --decomposer")
    said = {"decomposer": parts.decomposer, "solver": parts.solver}
    names = [f"{part} {called(name, parts, store)}" for part, name in said.items() if name]
    return replace(changed, name=f"{who.name}, {', '.join(names)}", run=None)


def called(said: str, parts: Parts, store: "Store") -> str:
    """What a part is called in the name of a bench: nobody else is called so, nor is the same one later."""
    if said == TEACHER:
        return f"{TEACHER} {parts.teacher}"
    if said in (GOLD, TYPED):
        return said
    return identity(wiring.chosen_run(store, said))


def identity(row: "RunRow") -> str:
    """The id of a run; of a released folder its name and a hash of where it lies."""
    return row.id or f"{row.name} {digest(str(row.folder.absolute()))[:8]}"


def _decomposer(
    parts: Parts, store: "Store", problems: "Iterable[Problem]", kind: "AnswerKind"
) -> "Writes | None":
    from socli.writers import swapping

    match parts.decomposer:
        case None:
            return None
        case "teacher":
            return _teacher(parts, kind)
        case "gold":
            return swapping.gold_questions(problems)
        case "-":
            return swapping.Asked(typed)
        case run:
            asking = _of_run(wiring.chosen_run(store, run), parts).decomposer
            if asking is None:
                raise UsageError(
                    f"run {run} has no decomposer", hint="its recipe must say scheme.roles = split"
                )
            return asking


def sampled(who: "Solvers", parts: Parts, how: "Sampling", kind: "AnswerKind", store: "Store") -> "Solvers":
    """The solvers that vote or try again, where the options say so; the store knows who weighs votes."""
    from typing import Any, cast

    from socli.writers import voting

    if parts.votes < 2 and not parts.until_valid:
        return who
    writer = cast("Any", who.student)
    if not hasattr(writer, "sample"):
        raise UsageError("a teacher's answers are not sampled", hint="leave out --votes and --until-valid")
    weighing = _verifier(wiring.chosen_run(store, parts.verifier), parts) if parts.verifier else None
    return voting.voted(who, writer, how, parts.votes, kind, until_valid=parts.until_valid, verifier=weighing)


def _verifier(row: "RunRow", parts: Parts) -> "Verifier":
    from socli import solvers

    with wiring.waiting("loading the verifier"):
        return solvers.verifier_of(row, precision=parts.precision)


def watched(who: "Solvers") -> "tuple[Solvers, dict[str, Given]]":
    """The same solvers, and what each of their models is given as it goes, in the order they write."""
    student = "student" if who.decomposer is None else "solver"
    writers = {"planner": who.planner, "decomposer": who.decomposer, student: who.student}
    given = {role: Given(writer) for role, writer in writers.items() if writer is not None}
    planner, asking = given.get("planner"), given.get("decomposer")
    return replace(who, student=given[student], decomposer=asking, planner=planner), given


def print_given(given: "Mapping[str, Given]") -> None:
    """What each model read, on stderr; where it wrote itself stands in brackets."""
    from socli.screen.render import line

    for name, one in given.items():
        print(f"--- the {name} was given:", *map(line, one.text.split("\n")), sep="\n", file=sys.stderr)


class Given:
    """A writer that remembers what the first row was given to read."""

    def __init__(self, writer: "Writes") -> None:
        self._writer = writer
        self.text = ""

    def open(self, prompts: "Sequence[str]", prefix: str = "") -> None:
        """Begin a new batch."""
        self.text = prefix + prompts[0]
        self._writer.open(prompts, prefix)

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""
        self.text += text if number == 0 else ""
        self._writer.add(number, text)

    def write(
        self, limits: "Mapping[int, int]", *, line: bool, together: int | None = None
    ) -> "Iterator[Piece]":
        """Write rows until each has stopped."""
        self.text += "[it writes]\n"
        yield from self._writer.write(limits, line=line, together=together)


def typed(prompt: str, transcript: str) -> str | None:
    """The next sub-question, as the user types it; an empty line ends."""
    try:
        return input("sub-question (empty: the answer): ").strip() or None
    except EOFError:
        return None


def _teacher(parts: Parts, kind: "AnswerKind") -> "Writes":
    from socli.scheme import Scheme

    return chat(parts.teacher or "", parts, kind, Scheme()).student


def _of_run(row: "RunRow", parts: Parts) -> "Solvers":
    from socli import solvers

    with wiring.waiting("loading the student"):
        return solvers.of_run(row, calculator=parts.calculator, precision=parts.precision)


def _endpoint(model: str, parts: Parts) -> "Endpoint":
    from socli import recipe as recipes
    from socli.writers.served import Endpoint

    given = {"model": model, "base_url": parts.base_url}
    overrides = [f"teacher.{key}={value}" for key, value in given.items() if value is not None]
    table = recipes.load("quickstart", overrides).teacher  # the address is checked as a recipe's is
    return Endpoint(table.model, table.base_url, table.api_key_env, table.concurrency, table.timeout)
