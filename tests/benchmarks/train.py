"""How near the machine's limit a student is trained, and how much faster than by TRL's `SFTTrainer`.

    python tests/benchmarks/train.py

Everything is measured in one run on one machine that should do nothing else: the embedded student (it must
be on this machine: `socli models fetch smollm2-135m`) learns built-in stories for a few steps. TRL gets an
environment of its own below the temporary folder, made here with pinned versions and used again the next
time. The last line is one JSON object, exit 1 where a figure misses its target; "not measured" is no miss.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from itertools import islice
from pathlib import Path

from socli import models, scheme, sources
from socli.problem import Problem, Trace
from socli.scheme import Lesson, Scheme
from socli.tables import TrainTable

STEPS = 12
SKIPPED = 3  # first steps, in which memory is taken and the optimizer made
BATCH = 4
SETTINGS = TrainTable(epochs=1, batch=BATCH, lr=3e-4, checkpoint_minutes=1e6)
TRL = ["trl==1.16.0", "transformers==5.23.0", "torch==2.13.0", "datasets==5.2.0", "accelerate==1.15.0"]
TRL_FOLDER = Path(tempfile.gettempdir()) / "socli-benchmark-trl"
"""On Linux without a GPU, an index whose first torch is the CPU build saves two gigabytes."""


def stories(count: int) -> list[tuple[Problem, Trace]]:
    """Stories of one to three steps with their own steps as traces, as the quickstart learns them."""
    told = islice(sources.problems("stories:train", steps=(1, 3), seed=0), count)
    return [(problem, Trace(problem.id, problem.steps, problem.gold or "", "reference")) for problem in told]


def lessons() -> list[Lesson]:
    """Enough for the steps of one measurement."""
    return [lesson for p, t in stories(STEPS * BATCH) for lesson in scheme.lessons(p, t, Scheme())]


# ---- in a process of its own: socli and the bare loop


def own(folder: Path) -> None:
    """Tokens and useful operations a second of the loop, of a bare loop, and of one matrix product."""
    from socli.engine import limit, memory, training
    from socli.engine.student import load
    from socli.events import Trained

    student = load(folder, "smollm2-135m", "fp32")
    course, _ = training.planned(student, lessons(), SETTINGS)
    wall: dict[str, list[float]] = {"own": [], "bare": []}
    for name in ("own", "bare") * 2:
        if name == "own":
            with tempfile.TemporaryDirectory() as kept:
                events = training.train(student, lessons(), SETTINGS, Path(kept), "run")
                ends = [time.perf_counter() for event in events if isinstance(event, Trained)]
        else:
            ends = bare(student, course)
        wall[name] += [end - begin for begin, end in zip(ends[SKIPPED - 1 :], ends[SKIPPED:], strict=False)]
    steps = course.steps[SKIPPED:]
    tokens = course.tokens(steps)
    useful = sum(course.operations(student.model, chosen) for chosen in steps)
    seconds = {name: sum(spent) / 2 for name, spent in wall.items()}  # each loop ran twice
    print(
        json.dumps(
            {
                "tokens_per_second": tokens / seconds["own"],
                "bare_tokens_per_second": tokens / seconds["bare"],
                "useful_flops": useful / seconds["own"],
                "gemm_flops": limit.product(student.model, student.device, course.precision),
                "padding": padding(student),
                "peak_gb": peak(),
                "held_gb": memory.held() / 2**30,
                "precision": course.precision,
            }
        )
    )


def padding(student) -> float:
    """Share of the tokens of a pass over the quickstart's lessons that are filling."""
    from socli.engine import batches, training

    many = [lesson for p, t in stories(500) for lesson in scheme.lessons(p, t, Scheme())]
    course, _ = training.planned(student, many, SETTINGS)
    steps = [[course.encoded[n] for n in chosen] for chosen in course.steps]
    parts = [part for step in steps for part in batches.split(step, course.means.tokens)]
    filled = sum(len(part) * max(len(lesson.ids) for lesson in part) for part in parts)
    return 1 - course.tokens(course.steps) / filled


def bare(student, course) -> list[float]:
    """Forward, backward and step over the same parts and nothing else; when each step ended."""
    import torch

    from socli.engine import batches, training

    model = student.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), fused=True)
    parts = [
        [
            batches.rectangle(some, student.device)
            for some in batches.split([course.encoded[n] for n in chosen], course.means.tokens)
        ]
        for chosen in course.steps
    ]
    ends = []
    for step in parts:
        for part in step:
            (training.loss_of(model, part, course.precision) / len(part.targets)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ends.append(time.perf_counter())
    return ends


def peak() -> float:
    """GB this process held at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


# ---- in TRL's environment, which has no socli


THEIRS = """
import json, sys, time
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

model, rows, out, tuned, steps, batch = sys.argv[1:7]
told = [json.loads(line) for line in open(rows)]
settings = dict(
    output_dir=out, max_steps=int(steps), per_device_train_batch_size=int(batch), learning_rate=3e-4,
    report_to="none", save_strategy="no", use_cpu=not torch.cuda.is_available(),
    model_init_kwargs={"dtype": "float32"}, seed=1,
)
if tuned == "tuned":
    settings |= dict(
        gradient_checkpointing=False, train_sampling_strategy="group_by_length",
        logging_strategy="no", disable_tqdm=True,
    )

class Ends(TrainerCallback):
    at = []
    def on_step_end(self, *args, **kwargs):
        self.at.append(time.perf_counter())

trainer = SFTTrainer(
    model=model, args=SFTConfig(**settings), train_dataset=Dataset.from_list(told), callbacks=[Ends()]
)
lengths = [len(row["input_ids"]) for row in trainer.train_dataset]
trainer.train()
print(json.dumps({"ends": Ends.at, "tokens": sum(lengths), "bf16": trainer.args.bf16}))
"""


def theirs(model: Path, folder: Path, how: str) -> float:
    """Tokens a second of `SFTTrainer`, at its defaults or tuned, on the same lessons."""
    rows = folder / "lessons.jsonl"
    pairs = [lesson.spans for lesson in lessons()]
    told = ({"prompt": read.text, "completion": learnt.text} for read, learnt in pairs)
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in told))
    (folder / "theirs.py").write_text(THEIRS)
    command = [environment(), str(folder / "theirs.py"), str(model), str(rows), str(folder / "out"), how]
    quiet = {**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [*command, str(STEPS), str(BATCH)], env=quiet, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"SFTTrainer failed:\n{done.stderr[-3000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    a_step = said["tokens"] / STEPS  # its order is another one: the mean stands for the steps that count
    return a_step * (STEPS - SKIPPED) / (said["ends"][-1] - said["ends"][SKIPPED - 1])


def environment() -> str:
    """The interpreter of TRL's environment, which is made where it is not there or of other versions."""
    python, stamp = TRL_FOLDER / "bin" / "python", TRL_FOLDER / "made-of"
    if not (stamp.exists() and stamp.read_text() == "\n".join(TRL)):
        venv.create(TRL_FOLDER, clear=True, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *TRL], check=True)
        stamp.write_text("\n".join(TRL))
    return str(python)


# ---- all of it


def main() -> int:
    """Measure, print a table, then the JSON line."""
    base = next((one.folder for one in models.listed() if one.name == "smollm2-135m" and one.folder), None)
    if base is None:
        raise SystemExit("the student is not on this machine: socli models fetch smollm2-135m")
    done = subprocess.run(
        [sys.executable, __file__, "own", str(base)], stdout=subprocess.PIPE, text=True, check=True
    )
    ours = json.loads(done.stdout.splitlines()[-1])
    with tempfile.TemporaryDirectory() as folder:
        plain, tuned = (theirs(base, Path(folder), how) for how in ("defaults", "tuned"))
    speed = ours["tokens_per_second"]
    figures = [
        figure("tokens a second", speed, None, "{:.0f}"),
        figure("tokens a second, SFTTrainer's defaults", plain, None, "{:.0f}"),
        figure("tokens a second, SFTTrainer tuned", tuned, None, "{:.0f}"),
        figure(
            f"useful FLOP/s over {ours['precision']} GEMM", ours["useful_flops"] / ours["gemm_flops"], 0.45
        ),
        figure("own loop over the bare one", speed / ours["bare_tokens_per_second"], 0.95),
        figure("padding, %", 100 * ours["padding"], -3.0),
        figure("over SFTTrainer at its defaults", speed / plain, 1.3),
        figure("over SFTTrainer tuned", speed / tuned, 1.0),
        figure("peak memory of the own loop, GB", ours["peak_gb"], -6.0),
        ("MFU on a GPU, packed", "not measured", "", True),
    ]
    for what, value, target, holds in figures:
        print(f"{what:<42} {value!s:>12} {target:>8}  {'' if not target else 'holds' if holds else 'MISSED'}")
    keys = ("name", "value", "target", "holds")
    print(json.dumps({"figures": [dict(zip(keys, row, strict=True)) for row in figures]}))
    return 0 if all(row[-1] for row in figures) else 1


def figure(
    name: str, value: float, target: float | None, form: str = "{:.2f}"
) -> tuple[str, float, str, bool]:
    """A row of the table; a negative target is the most that holds, a positive one the least."""
    shown = float(form.format(value))
    if target is None:
        return name, shown, "", True
    return (
        name,
        shown,
        f"{'<=' if target < 0 else '>='} {abs(target)}",
        abs(target) >= shown if target < 0 else shown >= target,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["own"]:
        own(Path(sys.argv[2]))
    else:
        sys.exit(main())
