"""The training loop: one role learns its lessons. Read it downwards.

Weights are fp32, the forward pass runs in bf16 where the machine multiplies it, the loss is the mean
cross-entropy of the target tokens of a step. A run that was killed goes on from its last checkpoint.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from socli.engine import attention, batches, checkpoint
from socli.engine.batches import Encoded, Rectangle
from socli.engine.student import Precision, Student, fast_precision, longest
from socli.errors import SocliError, UsageError
from socli.events import Checkpointed, DistillBegan, Trained
from socli.problem import digest
from socli.scheme import Lesson
from socli.tables import TrainTable

FLOOR = 0.1
"""The cosine ends at this share of the peak rate."""


class Diverged(SocliError):
    """The loss or a gradient is no longer a number; the same command would end the same way."""


def train(
    student: Student,
    lessons: Sequence[Lesson],
    settings: TrainTable,
    folder: Path,
    run: str,
    stop_asked: Callable[[], bool] = lambda: False,
    passes: float | None = None,
) -> Iterator[DistillBegan | Trained | Checkpointed]:
    """Teach one role its lessons; the student's weights change in place.

    Checkpoints go into `folder`; where it holds some of these lessons, training goes on from the newest.
    When `stop_asked` says so, a checkpoint is written and KeyboardInterrupt raised. `passes` over the
    lessons take the place of `settings.epochs`. Raises Diverged.
    """
    encoded = _encoded(student, lessons)
    lengths = [len(lesson.ids) for lesson in encoded]
    schedule = batches.schedule(lengths, settings.batch, passes or settings.epochs, settings.seed)
    role, total, precision = lessons[0].role, len(schedule), fast_precision(student.device)

    torch.manual_seed(settings.seed)
    model = _ready(student)
    optimizer = _optimizer(model, settings)
    learnt = digest(*(f"{lesson.ids} {lesson.learnt}" for lesson in encoded))
    last = checkpoint.newest(folder, learnt)
    done = checkpoint.restore(last, model, optimizer) if last else 0
    ahead = sum(lengths[n] for chosen in schedule[done:] for n in chosen)
    size = student.parameters, str(student.device), precision
    yield DistillBegan(run, role, len(encoded), total, done, sum(lengths), *size)

    saved = began = time.monotonic()
    seen = 0
    for step, chosen in enumerate(schedule[done:], start=done + 1):
        rate = settings.lr * warm_then_cosine(step, total, settings.warmup)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _accumulate(model, [encoded[n] for n in chosen], student.device, precision)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        if not math.isfinite(loss + norm.item()):
            raise _diverged(step, last)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)  # frees the memory now, not at the next backward

        seen += sum(lengths[n] for n in chosen)
        speed = seen / (time.monotonic() - began)
        yield Trained(role, step, total, loss, rate, speed, (ahead - seen) / speed)

        stopping = step < total and stop_asked()
        if stopping or (step < total and time.monotonic() - saved >= settings.checkpoint_minutes * 60):
            last = checkpoint.write(folder, step, model, optimizer, learnt)
            saved = time.monotonic()
            yield Checkpointed(role, step)
        if stopping:
            raise KeyboardInterrupt
    model.eval()


def _ready(student: Student) -> Any:
    """The student's model with dropout on and the attention that trains fastest on its device."""
    student.model.set_attn_implementation(attention.CAUSAL if student.device.type == "cpu" else "sdpa")
    return student.model.train()


def _encoded(student: Student, lessons: Sequence[Lesson]) -> list[Encoded]:
    """The lessons as tokens, without those whose targets lie beyond what the student can attend to."""
    encoded = [lesson for lesson in batches.encode(student, lessons) if any(lesson.learnt)]
    if not encoded:
        raise UsageError(f"no lesson fits into the {longest(student)} tokens the student can attend to")
    return encoded


def _accumulate(model: Any, lessons: Sequence[Encoded], where: torch.device, precision: Precision) -> float:
    """Gradients of a step, summed over rectangles that fit the memory; the mean loss a target token."""
    parts = [batches.rectangle(some, where) for some in batches.split(lessons)]
    targets = sum(len(part.targets) for part in parts)
    loss = 0.0
    for part in parts:
        share = loss_of(model, part, precision) / targets
        share.backward()  # type: ignore[no-untyped-call]
        loss += share.item()
    return loss


def loss_of(model: Any, part: Rectangle, precision: Precision) -> torch.Tensor:
    """Summed cross-entropy of the rectangle's targets; only their rows go through the output matrix."""
    with torch.autocast(part.ids.device.type, torch.bfloat16, enabled=precision == "bf16"):
        hidden = model.base_model(input_ids=part.ids, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(hidden[part.rows, part.places])
    return F.cross_entropy(logits.float(), part.targets, reduction="sum")


def warm_then_cosine(step: int, total: int, warmup: float) -> float:
    """Share of the peak rate at `step` (from 1): up in a line, down along half a cosine to `FLOOR`."""
    rising = max(1, round(total * warmup))
    if step <= rising:
        return step / rising
    along = (step - rising) / max(1, total - rising)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * along)) / 2


def _optimizer(model: Any, settings: TrainTable) -> torch.optim.AdamW:
    """Fused AdamW; decay falls on matrices alone."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(0.9, 0.95), fused=True)


def _diverged(step: int, last: Path | None) -> Diverged:
    where = f"the last good checkpoint is {last}" if last else "there is no checkpoint before it"
    return Diverged(
        f"the loss of step {step} or its gradient is not a number; {where}",
        hint="try a smaller rate: --set train.lr=1e-4",
    )
