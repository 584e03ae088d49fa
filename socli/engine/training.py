"""The training loop: one role learns its lessons. Read it downwards.

Weights are fp32, the forward pass runs in bf16 where the machine multiplies it, the loss is the mean
cross-entropy of the target tokens of a step. A run that was killed goes on from its last checkpoint.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from socli.engine import attention, batches, checkpoint, limit, lora, memory
from socli.engine.batches import Encoded, Rectangle
from socli.engine.memory import Means
from socli.engine.student import Precision, Student, fast_precision, longest
from socli.engine.team import ALONE, Team
from socli.engine.weights import Weights
from socli.errors import SocliError, UsageError
from socli.events import Checkpointed, DistillBegan, Evaluated, Noted, Trained
from socli.problem import digest
from socli.scheme import Lesson
from socli.tables import TrainTable

FLOOR = 0.1
"""The cosine ends at this share of the peak rate."""


class Diverged(SocliError):
    """The loss or a gradient is no longer a number; the same command would end the same way."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is trained on, in which order and by which means; `learnt` is the hash of it."""

    encoded: Sequence[Encoded]
    steps: Sequence[Sequence[int]]
    means: Means
    precision: Precision
    packed: bool
    learnt: str

    @property
    def longest(self) -> int:
        """Tokens of the longest lesson."""
        return max(len(lesson.ids) for lesson in self.encoded)

    def operations(self, model: Any, step: Sequence[int]) -> float:
        """Multiplications and additions of a step that are of use."""
        lessons = [self.encoded[n] for n in step]
        targets = sum(sum(lesson.learnt[1:]) for lesson in lessons)
        return limit.operations(model, [len(lesson.ids) for lesson in lessons], targets)

    def tokens(self, steps: Iterable[Sequence[int]]) -> int:
        """Tokens of these steps, filling not counted."""
        return sum(len(self.encoded[n].ids) for chosen in steps for n in chosen)


def train(  # noqa: PLR0913  each is the caller's to choose
    student: Student,
    lessons: Sequence[Lesson],
    settings: TrainTable,
    folder: Path,
    run: str,
    stop_asked: Callable[[], bool] = lambda: False,
    evaluate: Callable[[int], Evaluated] | None = None,
    team: Team = ALONE,
    *,
    passes: float | None = None,
) -> Iterator[DistillBegan | Trained | Checkpointed | Evaluated | Noted]:
    """Teach one role its lessons; the student's weights change in place.

    Checkpoints go into `folder`; where it holds some of these lessons, training goes on from the newest.
    When `stop_asked` says so, a checkpoint is written and KeyboardInterrupt raised. `evaluate` is asked
    at `settings.dev_times` steps, the last one among them. `passes` over the lessons take the place of
    `settings.epochs`. With `settings.average` the student ends as the mean of its last weights, and as far
    as there is a mean, that is what `evaluate` sees. Raises Diverged.
    """
    course, notes = planned(student, lessons, settings, team, passes)
    yield from map(Noted, notes)
    weights = _ready(student, settings, course)
    last, skipped = checkpoint.newest(folder, course.learnt)
    yield from map(Noted, skipped)
    done = checkpoint.restore(last, weights) if last else 0
    role, total = lessons[0].role, len(course.steps)
    each = course.tokens([range(len(course.encoded))])
    size = student.parameters, str(student.device), course.precision
    yield DistillBegan(run, role, len(course.encoded), total, done, each, *size)

    clock = _Clock(course.tokens(course.steps[done:]), _limit(student, course, team))
    most = memory.held() + memory.bound(
        memory.needed(student.model, course.means, course.longest), memory.free(torch.device("cpu"))
    )
    for step, chosen in enumerate(course.steps[done:], start=done + 1):
        rate = settings.lr * warm_then_cosine(step, total, settings.warmup)
        if team.size > 1:
            torch.manual_seed(settings.seed + step * team.size + team.rank)  # each its own dropout
        loss = _accumulate(student.model, [course.encoded[n] for n in chosen], course, team)
        team.add(weights.gradients())
        loss, stopping = team.agree(loss, stop_asked() and step < total)
        if not math.isfinite(loss + weights.step(rate, step)):
            raise _diverged(step, last)
        memory.give_back(most)
        spent = course.tokens([chosen]), course.operations(student.model, chosen)
        yield Trained(role, step, total, loss, rate, *clock.after(*spent))

        if team.first and evaluate and step in evaluated_at(total, settings.dev_times):
            with clock.stopped():
                yield weights.averaged(evaluate, step)
        if team.first and step < total and (stopping or clock.due(settings.checkpoint_minutes)):
            with clock.stopped():
                last = checkpoint.write(folder, step, weights, course.learnt)
            yield Checkpointed(role, step)
        if stopping:
            raise KeyboardInterrupt
    weights.settle()
    student.model.eval()


def planned(
    student: Student,
    lessons: Sequence[Lesson],
    settings: TrainTable,
    team: Team = ALONE,
    passes: float | None = None,
) -> tuple[Course, list[str]]:
    """The course of a training, and sentences about what it leaves out or had to change.

    Lessons without a target that the student can attend to are left out. Raises UsageError where none
    is left, SocliError where a prompt would be learnt or an end token would not.
    """
    every = batches.encode(student, lessons)
    batches.checked(student, lessons, every)
    encoded = [lesson for lesson in every if any(lesson.learnt[1:])]
    most = longest(student)
    if not encoded:
        raise UsageError(f"no lesson fits into the {most} tokens the student can attend to")
    lengths = [len(lesson.ids) for lesson in encoded]
    cut = sum(lesson.ids[-1] != student.end for lesson in every)
    notes = [f"{cut:,} of {len(every):,} lessons are cut at the student's {most:,} tokens"] if cut else []
    wished = Means(rank=settings.lora_rank, mean=settings.average > 0)
    means, changed = memory.fit(student.model, lengths, wished, student.device, team.size)
    means = Means(**(team.tell(asdict(means)) or {}))  # all of the team do as the first
    precision = fast_precision(student.device)
    steps = batches.schedule(lengths, settings.batch, passes or settings.epochs, settings.seed)
    also = [f"rank {means.rank}", *[f"average {settings.average}"] * means.mean]
    learnt = digest(*(f"{lesson.ids} {lesson.learnt}" for lesson in encoded), *also)
    packed = student.device.type == "cuda" and precision == "bf16"  # the kernel takes no fp32
    return Course(encoded, steps, means, precision, packed, learnt), [*notes, *changed]


def _ready(student: Student, settings: TrainTable, course: Course) -> Weights:
    """The student's model with dropout on, adapters where asked, and attention that is fast on its device."""
    torch.manual_seed(settings.seed)
    model = student.model
    if course.means.rank:
        lora.adapt(model, course.means.rank)
    if course.means.recompute:
        older = "gradient_checkpointing_enable"  # its name in transformers 5.17
        newer = "activation_checkpointing_enable"
        getattr(model, newer if hasattr(model, newer) else older)({"use_reentrant": False})
    if student.device.type == "cpu":
        memory.keep_freed()
        memory.give_back(0)  # what another role or command left behind
    model.set_attn_implementation(attention_for(student.device, packed=course.packed))
    return Weights(model.train(), settings, len(course.steps))


def _limit(student: Student, course: Course, team: Team) -> float | None:
    """Operations a second that the team could do at most; None with adapters, whose work is another."""
    each = limit.product(student.model, student.device, course.precision)
    return None if course.means.rank else each * team.size


def attention_for(where: torch.device, *, packed: bool) -> str:
    """The name of the attention that trains fastest there."""
    if packed:
        return attention.PACKED
    return attention.CAUSAL if where.type == "cpu" else "sdpa"


def _accumulate(model: Any, lessons: Sequence[Encoded], course: Course, team: Team = ALONE) -> float:
    """Gradients of this process's share of a step, summed over parts that fit the memory; its loss.

    Both are those of the mean over the target tokens of the whole step.
    """
    targets = sum(sum(lesson.learnt[1:]) for lesson in lessons)
    mine, most, where = team.share(lessons), course.means.tokens, model.device
    if course.packed:
        parts = [batches.pack(some, where) for some in batches.packs(mine, most)]
    else:
        parts = [batches.rectangle(some, where) for some in batches.split(mine, most)]
    loss = torch.zeros((), device=where)
    for part in parts:
        share = loss_of(model, part, course.precision) / targets
        share.backward()  # type: ignore[no-untyped-call]
        loss += share.detach()
    return loss.item()


def loss_of(model: Any, part: Rectangle, precision: Precision) -> torch.Tensor:
    """Summed cross-entropy of the part's targets; only their rows go through the output matrix."""
    with torch.autocast(part.ids.device.type, torch.bfloat16, enabled=precision == "bf16"):
        hidden = model.base_model(input_ids=part.ids, use_cache=False, **part.packed).last_hidden_state
        logits = model.get_output_embeddings()(hidden[part.rows, part.places])
    return F.cross_entropy(logits.float(), part.targets, reduction="sum")


def warm_then_cosine(step: int, total: int, warmup: float) -> float:
    """Share of the peak rate at `step` (from 1): up in a line, down along half a cosine to `FLOOR`."""
    rising = max(1, round(total * warmup))
    if step <= rising:
        return step / rising
    along = (step - rising) / max(1, total - rising)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * along)) / 2


def evaluated_at(total: int, times: int) -> set[int]:
    """So many steps, evenly apart, the last among them."""
    return {max(1, round(total * n / times)) for n in range(1, times + 1)}


class _Clock:
    """How fast tokens are learnt and how long the rest takes; what is not training is not counted."""

    def __init__(self, ahead: int, limit: float | None) -> None:
        self._ahead, self._seen = ahead, 0
        self._limit, self._useful = limit, 0.0
        self._began = self._saved = time.monotonic()

    def after(self, tokens: int, operations: float) -> tuple[float, float, float | None]:
        """Tokens a second, seconds left and share of the machine's limit, once so many more were learnt."""
        self._seen += tokens
        self._useful += operations
        seconds = time.monotonic() - self._began
        share = self._useful / seconds / self._limit if self._limit else None
        return self._seen / seconds, (self._ahead - self._seen) * seconds / self._seen, share

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Whatever takes time inside the block."""
        began = time.monotonic()
        yield
        self._began += time.monotonic() - began

    def due(self, minutes: float) -> bool:
        """Whether so many minutes went by since this was last so, or since the beginning."""
        is_due = time.monotonic() - self._saved >= minutes * 60
        self._saved = time.monotonic() if is_due else self._saved
        return is_due


def _diverged(step: int, last: Path | None) -> Diverged:
    where = f"the last good checkpoint is {last}" if last else "there is no checkpoint before it"
    return Diverged(
        f"the loss of step {step} or its gradient is not a number; {where}",
        hint="try a smaller rate: --set train.lr=1e-4",
    )
