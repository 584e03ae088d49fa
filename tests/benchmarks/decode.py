"""How fast students write beside transformers' `generate`, and whether they write the same.

    python tests/benchmarks/decode.py [speed] [loop] [tokens] [start] [--few] [--all]

All parts where none is named. Needs the embedded student (`socli models fetch smollm2-135m`) and GSM8K
(the Hub, or its files below SOCLI_DATA). Figures are useful tokens a CPU second of one thread: every row
writes its problem's own solution, forced token by token, so that the work is that of a trained student and
the same for all. `--few` takes half as many problems. `--all` times all 1,319 test problems in wall seconds
on every core instead of projecting them. The last line is one JSON object, exit 1 where a figure misses its
target.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from socli import models, scheme, sources
from socli.arithmetic import marks
from socli.bench import WINDOW
from socli.engine.decode import Piece, Writer
from socli.engine.packed import pack
from socli.engine.student import Student, device, fast_precision, load, tokens
from socli.events import Solved
from socli.problem import Problem
from socli.scheme import ASK, Scheme
from socli.solve import Solvers, solve

PARTS = ("speed", "loop", "tokens", "start")
NAME = "smollm2-135m"
WHOLE = 1319
SAMPLE = 128
SAME, WRITTEN = 200, 48
"""Prompts on which the tokens are compared, and how many tokens of each."""
COT = Scheme("cot")
SPLIT = Scheme("socratic", "split")

Figure = tuple[str, Any, str, bool]


@dataclass(slots=True)
class Count:
    """What the forward passes of a writer did: tokens they were fed."""

    places: int = 0
    passes: int = 0
    seconds: list[float] = field(default_factory=list)


class Told(Writer):
    """A writer that is told what to write: it computes as ever and then takes the next token of a script.

    `scripts` has one list of turns a row; a turn is the tokens that the student, not the calculator, writes.
    """

    def __init__(self, who: Student, scripts: list[list[list[int]]], count: Count) -> None:
        super().__init__(who, calculator=True)
        self._scripts, self._count = scripts, count
        self._turns: dict[int, Iterator[int]] = {}

    def _admit(self, more: Any, waiting: Any) -> Iterator[Piece]:
        """The next turn of each row."""
        for number in more:
            self._turns[number] = iter(self._scripts[number].pop(0))
        yield from super()._admit(more, waiting)

    def _take(self, row: Any, token: int, line: bool) -> Iterator[Piece]:
        yield from super()._take(row, next(self._turns[row.number], self._student.end), line)

    def _forward(self, places: list[int], ids: list[list[int]], lengths: list[int]) -> list[int]:
        if self._turns:
            self._count.places += sum(len(row) for row in ids)
            self._count.passes += 1
        return super()._forward(places, ids, lengths)


def turn(who: Student, text: str, *, ends: bool) -> list[int]:
    """The tokens a student writes itself of `text`: all but the values of marked equations."""
    at, parts = 0, []
    for mark in marks(text):
        parts.append(text[at : mark.end - len(f"{mark.stated}>>")])
        at = mark.end
    ids = [token for part in tokens(who, [*parts, text[at:]]) for token in part]
    return [*ids, who.end] if ends else ids


def alone(who: Student, problem: Problem) -> list[list[int]]:
    """The one turn of a student that writes the chain of thought."""
    return [turn(who, scheme.write(problem.steps, problem.gold or "", COT), ends=True)]


def pair(who: Student, problem: Problem) -> tuple[list[list[int]], list[list[int]]]:
    """The turns of a decomposer and a solver."""
    asks = [turn(who, f"{ASK} {scheme.one_line(step.question)}\n", ends=False) for step in problem.steps]
    works = [turn(who, f" {scheme.one_line(step.text)}\n", ends=False) for step in problem.steps]
    return [*asks, [who.end]], [*works, turn(who, f" {problem.gold}", ends=True)]


def batches(problems: Sequence[Problem], size: int) -> list[list[Problem]]:
    """By length of the question, as `socli bench` orders them."""
    ordered = sorted(problems, key=lambda problem: len(problem.question))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens written, by students and calculator, the CPU seconds it took, and what was fed in writing."""

    tokens: int
    seconds: float
    count: Count

    @property
    def rate(self) -> float:
        """Tokens a CPU second."""
        return self.tokens / self.seconds


def ours(who: Student, problems: Sequence[Problem], size: int) -> Speed:
    """One student writes the chains of thought."""
    count, written, began = Count(), 0, time.process_time()
    for some in batches(problems, size * WINDOW):
        writer = Told(who, [alone(who, problem) for problem in some], count)
        written += solved(some, Solvers("told", COT, writer), size)
    return Speed(written, time.process_time() - began, count)


def in_turns(who: Student, problems: Sequence[Problem], size: int) -> Speed:
    """Two students take turns; both are this one, each with its own keys and values."""
    count, written, began = Count(), 0, time.process_time()
    for some in batches(problems, size * WINDOW):
        asks, works = zip(*(pair(who, problem) for problem in some), strict=True)
        writers = (Told(who, list(works), count), Told(who, list(asks), count))
        written += solved(some, Solvers("told", SPLIT, *writers), size)
    return Speed(written, time.process_time() - began, count)


def solved(problems: list[Problem], who: Solvers, together: int) -> int:
    """Tokens written for these problems, each of which must come to its right answer."""
    done = [
        event.prediction for event in solve(problems, who, 100_000, together) if isinstance(event, Solved)
    ]
    assert all(made.correct for made in done), "a problem was not solved as it was told to be"
    return sum(made.tokens for made in done)


@torch.inference_mode()
def theirs(who: Student, problems: Sequence[Problem], size: int) -> Speed:
    """`generate` writes as many tokens for each problem; the batch goes on until its longest is done."""
    written, began = 0, time.process_time()
    for some in batches(problems, size):
        lengths = [len(ids) for ids in tokens(who, [told(problem) for problem in some])]
        generated(who, [scheme.prompt(problem) for problem in some], max(lengths) + 1)
        written += sum(lengths) + len(lengths)
    return Speed(written, time.process_time() - began, Count())


def told(problem: Problem) -> str:
    return scheme.write(problem.steps, problem.gold or "", COT)


def generated(who: Student, prompts: list[str], most: int) -> list[list[int]]:
    """Greedy `generate` of exactly `most` tokens a prompt, filled up on the left."""
    rows = tokens(who, prompts)
    width = max(len(row) for row in rows)
    filled = torch.tensor([[who.end] * (width - len(row)) + row for row in rows], device=who.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=who.device)
    out = who.model.generate(
        filled,
        attention_mask=mask,
        max_new_tokens=most,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=who.end,
    )
    return [row[width:] for row in out.tolist()]


@torch.inference_mode()
def gemm_limit(who: Student, rows: int) -> float:
    """Tokens a CPU second if the products with the weights were all there is to a step of `rows` tokens."""
    weights = [module.weight for module in who.model.modules() if isinstance(module, torch.nn.Linear)]
    inputs = {size: torch.randn(rows, size, dtype=who.model.dtype) for size in {w.shape[1] for w in weights}}
    took = []
    for _ in range(7):
        began = time.process_time()
        for weight in weights:
            torch.nn.functional.linear(inputs[weight.shape[1]], weight)
        took.append(time.process_time() - began)
    return rows / statistics.median(took)


def speed(who: Student, fast: Student, problems: list[Problem]) -> Iterator[Figure]:
    """One student against `generate`, in turn, and against what the processor can multiply."""
    half = problems[: len(problems) // 2]
    ours(fast, half[:2], 2)
    one = theirs(who, half[2:5], 1)
    batch, at_32 = theirs(who, half, 32), ours(fast, half, 32)
    at_64 = ours(fast, problems, 64)
    fed = at_64.tokens + reads(who, problems)
    limit = gemm_limit(who, 64)
    print(f"tokens a CPU second: generate {one.rate:.1f} at 1, {batch.rate:.0f} at 32; ", end="")
    print(f"socli {at_32.rate:.0f} at 32, {at_64.rate:.0f} at 64; products alone {limit:.0f} at 64")
    yield figure("batch 32 over `generate` at 32", at_32.rate / batch.rate, 2)
    yield figure("batch 32 over `generate` at 1", at_32.rate / one.rate, 15)
    yield figure("batch 64, tokens read and written, over products", fed / at_64.seconds / limit, 0.5)
    useful = (at_32.tokens + reads(who, half)) / at_32.count.places
    yield figure("useful tokens of all fed", useful, 0.9)
    minutes = at_64.seconds * WHOLE / len(problems) / 60 / 2
    yield "minutes, 1,319 CoT on two cores, projected", round(minutes, 1), "<= 10", minutes <= 10


def reads(who: Student, problems: Sequence[Problem]) -> int:
    """Tokens of the prompts; the last token written for a problem is never read, the end token neither."""
    return sum(len(ids) - 1 for ids in tokens(who, [scheme.prompt(problem) for problem in problems]))


def loop(who: Student, problems: list[Problem]) -> Iterator[Figure]:
    """The loop of two against one student, for each token written."""
    one, two = ours(who, problems, 32), in_turns(who, problems, 32)
    print(f"tokens a CPU second at 32: one student {one.rate:.0f}, two in turns {two.rate:.0f}")
    yield figure("two in turns over one, a token", two.rate / one.rate, 0.7)


def same(who: Student, problems: list[Problem]) -> Iterator[Figure]:
    """The same greedy tokens as `generate` in fp32: the student, and real shapes of few random layers."""
    prompts = [scheme.prompt(problem) for problem in problems]
    for name, student in students(who):
        differ = 0
        for at in range(0, len(prompts), 50):
            some = prompts[at : at + 50]
            writer = Freely(student)
            writer.open(some)
            mine: dict[int, list[int]] = {n: [] for n in range(len(some))}
            writer.taken = mine
            for _ in writer.write(dict.fromkeys(mine, WRITTEN), line=False):
                pass
            for n, row in enumerate(generated(student, some, WRITTEN)):
                if mine[n] != row:  # filling on the left moves fp32 sums by an ulp: alone it decides
                    differ += generated(student, [some[n]], WRITTEN)[0] != mine[n]
        right = len(prompts) - differ
        yield f"same tokens as `generate`, {name}", f"{right}/{len(prompts)}", "all", differ == 0


class Freely(Writer):
    """A writer without stops that keeps the tokens it takes."""

    taken: dict[int, list[int]]

    def __init__(self, who: Student) -> None:
        super().__init__(who, calculator=False)
        self._ends = frozenset()

    def _take(self, row: Any, token: int, line: bool) -> Iterator[Piece]:
        self.taken[row.number].append(token)
        row.left -= 1
        row.waiting.append(token)
        yield Piece(row.number, "", stop=None if row.left else "length")


def students(who: Student) -> Iterator[tuple[str, Student]]:
    """The embedded student, and random ones of the shapes of GPT-2 small and Qwen2.5 0.5B, three layers."""
    yield NAME, who
    gpt2 = AutoConfig.for_model("gpt2", n_layer=3)
    qwen = AutoConfig.for_model(
        "qwen2",
        num_hidden_layers=3,
        hidden_size=896,
        intermediate_size=4864,
        num_attention_heads=14,
        num_key_value_heads=2,
        rope_theta=1_000_000.0,
        max_position_embeddings=32768,
        tie_word_embeddings=True,
    )
    for name, config in (("gpt2 shape", gpt2), ("qwen2.5-0.5b shape", qwen)):
        config.vocab_size = len(who.tokenizer)
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
        for weight in model.parameters():
            if weight.ndim == 2:
                torch.nn.init.normal_(weight, std=0.05)  # larger than usual, so that the tokens vary
        yield name, Student(name, model.eval(), who.tokenizer, torch.device("cpu"))


BARE = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, prompt = sys.argv[1:]
words = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.{dtype})
with torch.inference_mode():
    out = model(**words(prompt, return_tensors="pt"))
print(words.decode(out.logits[0, -1].argmax()), flush=True)
"""


def start(folder: Path, problem: Problem) -> Iterator[Figure]:
    """Seconds of CPU until the first token of `socli solve`, beside a bare script that reads as much."""
    dtype = {"fp32": "float32", "bf16": "bfloat16"}[fast_precision(device())]
    from socli import prompts

    shown = prompts.prefix(Scheme(), "number") + scheme.prompt(problem)
    bare = [sys.executable, "-c", BARE.format(dtype=dtype), str(folder), shown]
    whole = [sys.executable, "-m", "socli", "solve", problem.question, "--model", str(folder), "--json"]
    ratios = [(first_written(whole, '"wrote"'), first_written(bare, "")) for _ in range(4)]
    mine, theirs_ = (statistics.median(column) for column in zip(*ratios[1:], strict=True))
    print(f"CPU seconds to the first token: socli solve {mine:.2f}, bare script {theirs_:.2f}")
    yield (
        "first token of solve over a bare script",
        round(mine / theirs_, 2),
        "<= 1.25",
        mine <= 1.25 * theirs_,
    )


def first_written(command: list[str], what: str) -> float:
    """CPU seconds of a process until it has written a line with `what` in it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if what in line:
                break
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        child.kill()
    return (int(stat[11]) + int(stat[12])) / 100


def all_of(who: Student, problems: list[Problem]) -> Iterator[Figure]:
    """Wall minutes for every problem of the test set, on every core."""
    began = time.perf_counter()
    ours(who, problems, 64)
    minutes = (time.perf_counter() - began) / 60
    yield f"minutes, {len(problems):,} CoT, measured", round(minutes, 1), "<= 10", minutes <= 10


def figure(what: str, value: float, least: float) -> Figure:
    return what, round(value, 2), f">= {least}", value >= least


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def main(words: list[str]) -> int:
    """Measure, print a table, then the JSON line."""
    wanted = [part for part in PARTS if part in words] or PARTS
    folder = models.located(NAME)
    assert folder is not None, f"socli models fetch {NAME}"
    problems = list(sources.problems("gsm8k:test"))
    sample = SAMPLE // 2 if "--few" in words else SAMPLE
    where = device()
    fast = partial(load, folder, NAME, fast_precision(where), where)
    figures: list[Figure] = []
    with threads(1):
        if "speed" in wanted:
            figures += speed(fast(), pack(fast()), problems[: 2 * sample])
        if "loop" in wanted:
            figures += loop(pack(fast()), problems[:sample])
        if "tokens" in wanted:
            figures += same(load(folder, NAME, "fp32", torch.device("cpu")), problems[:SAME])
        if "start" in wanted:
            figures += start(folder, problems[0])
    if "--all" in words:
        figures += all_of(pack(fast()), problems)
    if where.type != "cuda":
        print("on a GPU: not measured, there is none here")
    for what, value, target, holds in figures:
        print(f"{what:<52} {value!s:>8} {target:>8}  {'holds' if holds else 'MISSED'}")
    keys = ("name", "value", "target", "holds")
    print(json.dumps({"figures": [dict(zip(keys, row, strict=True)) for row in figures]}))
    return 0 if all(row[-1] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
