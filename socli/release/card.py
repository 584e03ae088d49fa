"""The card of a released student: Markdown under the front matter that the Hub reads.

Everything in it is read out of the store and of what is on disk; what is not known is said to be so.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from socli import __version__, scheme
from socli.events import Role
from socli.exports import LICENCES, quoted
from socli.known_sets import SETS, cut
from socli.problem import AnswerKind, Problem, Scorecard, Step, Trace, shown_set_name
from socli.records import BenchRow, RunRow
from socli.release.lineage import Origin
from socli.scheme import Lesson, Scheme
from socli.tables import ProblemsTable, StudentTable, TeacherTable, frozen_scheme

_KNOBS = ("epochs", "batch", "lr", "warmup", "weight_decay", "clip", "budget", "dev", "lora_rank")
"""Keys of `[train]` that the card tells."""
_PENCILS = Problem("Mia buys 3 packs of 12 pencils and gives 6 away. How many are left?", "30")
_PENCIL_STEPS = (
    Step("How many pencils does Mia buy?", "She buys 3*12 = <<3*12=36>>36 pencils."),
    Step("How many pencils are left?", "36-6 = <<36-6=30>>30 pencils are left."),
)
_CANDLE = Problem(
    "Can a candle burn under water?",
    "no",
    "yes/no",
    context="A flame needs oxygen. Water keeps the air away from what lies in it.",
)
_CANDLE_STEPS = (
    Step("What does a flame need?", "It needs oxygen."),
    Step("Is there air for it under water?", "Water keeps the air away."),
)


@dataclass(frozen=True, slots=True)
class Released:
    """What a card is made from."""

    run: RunRow
    kind: AnswerKind
    """How the answers it learnt are compared."""
    origins: Mapping[Role, Sequence[Origin]]
    """What each role was made from: its base, what that was made from, and so on."""
    benches: Sequence[BenchRow]
    """All benches of the run; those that are not done are left out."""
    licences: Mapping[str, Path]
    """Texts of licences that go with it, by the names of their files."""
    siblings: Sequence[BenchRow] = ()
    """Benches of runs that differ from it in the seed alone, the newest first."""

    @property
    def form(self) -> Scheme:
        """How the students write."""
        return frozen_scheme(self.run.recipe)


def card(told: Released) -> str:
    """The whole file."""
    run, form = told.run, told.form
    parts = [
        _front_matter(told),
        f"# {quoted(run.name)}" + f", arm {quoted(run.arm)}" * bool(run.arm) + f", run {run.id}",
        f"A small language model that {_does(form)}"
        " ([arXiv 2212.00193](https://arxiv.org/abs/2212.00193)). This card is made from the store of the"
        " training; nobody has written or checked it by hand.",
        f"## Results\n\n{_results(told)}",
        f"## What it writes\n\n{_format(form, told.kind)}",
        f"## How to use it\n\n{_use(form)}",
        f"## Training\n\n{_training(run, form)}",
        f"## Data and teacher\n\n{_data(run)}",
        f"## What it descends from\n\n{_descent(told)}",
        "## Limits\n\n" + _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


_LIMITS = (
    "It was trained on short word problems and measured on nothing but what stands under Results. Outside of"
    " that it will write something that looks like a solution and is wrong. Where a base, a data set or a"
    " teacher has terms of its own, they go on to hold for these weights."
)


def _does(form: Scheme) -> str:
    """What it does and how it came to it."""
    made = f"trained with socli {__version__}"
    distilled = "chain-of-thought distillation"
    return {
        "answer": f"answers word problems without any steps, {made} on the answers alone, the baseline of"
        f" Socratic {distilled}",
        "cot": f"solves word problems in written steps, {made} by {distilled}, without sub-questions",
        "socratic": f"solves word problems in written steps, {made} by Socratic {distilled}",
        "verify": f"says whether a written solution of a word problem is right, {made} beside Socratic"
        f" {distilled}",
    }[form.name]


def licence_of(origins: Mapping[Role, Sequence[Origin]]) -> str:
    """What the Hub calls the licence of the bases; `other` where they differ, `unknown` where one is."""
    found = {line[-1].licence.lower().strip() for line in origins.values()}
    if "" in found:
        return "unknown"
    alone = found.pop() if len(found) == 1 else ""
    return alone if re.fullmatch(r"[a-z0-9][a-z0-9.-]*", alone) else "other"


def _front_matter(told: Released) -> str:
    """YAML, each string as JSON, which is YAML that no text can break out of."""
    bases = dict.fromkeys(o.repo for line in told.origins.values() for o in line if o.repo)
    learnt, _ = cut(_problems(told.run).train)
    sets = [SETS[learnt].repo] if learnt in SETS else []
    tags = ["socli", "distillation", "chain-of-thought", "word-problems"] + ["socratic"] * told.form.asks
    lines = [f"license: {json.dumps(licence_of(told.origins))}", "library_name: transformers"]
    lines += ["pipeline_tag: text-generation"]
    for key, values in (("base_model", [*bases]), ("datasets", sets), ("tags", tags)):
        lines += [f"{key}:", *(f"- {json.dumps(value)}" for value in values)] if values else []
    return "\n".join(["---", *lines, "---"])


def _results(told: Released) -> str:
    rows = [_result(bench, card) for bench in told.benches if (card := bench.scorecard) and card.n]
    seeds = [line for bench in told.benches for line in _among_seeds(bench, told.siblings)]
    if not rows:
        return "Not measured."
    return "\n".join(
        [
            "Share of right answers, one try, greedy; the interval is Wilson's, 95 %. With the calculator on,"
            " socli writes the value of every marked equation; without socli it is off.\n",
            "| set | n | right | accuracy | interval | calculator | precision | date |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            *[""] * bool(seeds),
            *seeds,
        ]
    )


def _among_seeds(bench: BenchRow, siblings: Sequence[BenchRow]) -> Iterator[str]:
    """The mean over the seeds that were scored in the same way, as a line of a list; none of one alone."""
    if bench.scorecard is None or not bench.scorecard.n:
        return
    others = {
        one.run: one.scorecard.accuracy
        for one in reversed(siblings)  # the newest has the last word
        if one.scorecard and one.scorecard.n == bench.scorecard.n and _how(one) == _how(bench)
    }
    if others:
        shares = [bench.scorecard.accuracy, *others.values()]
        mean, low, high = (f"{100 * share:.1f} %" for share in (fmean(shares), min(shares), max(shares)))
        yield (
            f"- {_plain(bench.set)}, calculator {'on' if bench.calculator else 'off'}: {len(shares)} seeds of"
            f" the same training come to {mean} on average, {low} to {high}; this is one of them"
        )


def _how(bench: BenchRow) -> tuple[object, ...]:
    """How a student was scored."""
    keys = ("limit", "steps", "sampling", "verifier")
    return bench.set, bench.calculator, *(bench.settings.get(key) for key in keys)


def _result(bench: BenchRow, card: Scorecard) -> str:
    percent = [f"{100 * share:.1f} %" for share in (card.accuracy, card.low, card.high)]
    more = f", majority answer {100 * card.majority:.1f} %" if card.majority is not None else ""
    first = f", the first {limit:,}" if (limit := bench.settings.get("limit")) else ""
    cells = [
        f"{_plain(shown_set_name(bench.set))}{first}{more}", f"{card.n:,}", f"{card.correct:,}", percent[0],
        f"{percent[1]} to {percent[2]}", "on" if bench.calculator else "off",
        str(bench.settings.get("precision", "not known")), bench.created[:10],
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _format(form: Scheme, kind: AnswerKind) -> str:
    """How the text looks, by an invented problem; lessons as the students learnt them."""
    without = kind == "yes/no" and not form.bare  # a candle has no equations
    problem, steps = (_CANDLE, _CANDLE_STEPS) if without else (_PENCILS, _PENCIL_STEPS)
    trace = Trace(problem.id, steps, problem.gold or "", "reference")
    how = {
        "answer": "the answer alone",
        "cot": "worked steps, then the answer",
        "socratic": "sub-questions with worked answers, then the answer",
        "verify": "a solution that others wrote is read, and whether it is right is said",
    }[form.name]
    return "\n\n".join(
        [
            f"Scheme: {scheme.described(form)} ({how}). One labelled line a thing, no chat template. What is"
            " written by the model stands between `{+` and `+}` and ends with the end token where nothing"
            " follows; all else is given to it. The problem is invented.",
            *(_lesson(lesson) for lesson in scheme.lessons(problem, trace, replace(form, also=()))),
        ]
    )


def _lesson(lesson: Lesson) -> str:
    text = "".join(f"{{+{span.text}+}}" if span.learnt else span.text for span in lesson.spans)
    text += "" if lesson.spans[-1].learnt else "{++}"  # the end token alone
    return f"The {lesson.role}:\n\n```text\n{text}\n```"


def _use(form: Scheme) -> str:
    if form.name == "verify":
        return (
            "It solves nothing. socli lets it weigh samples that another student writes:\n\n"
            '```sh\nsocli solve --run RUN --votes 5 --verifier FOLDER "YOUR PROBLEM"\n```'
        )
    roles = scheme.roles(form)
    if len(roles) > 1:
        folders = ", ".join(f"`{role}/`" for role in roles)
        return (
            f"Several students take turns, each in a folder of its own: {folders}. socli lets them:\n\n"
            '```sh\nsocli solve --run FOLDER "YOUR PROBLEM"\n```\n\n'
            "Each loads with `AutoModelForCausalLM.from_pretrained` and `AutoTokenizer.from_pretrained`; the"
            " turns are then yours to take, as shown above."
        )
    return (
        '```sh\nsocli solve --run FOLDER "YOUR PROBLEM"\n```\n\n'
        "or without socli, and so without its calculator:\n\n"
        "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        'text = "Problem: YOUR PROBLEM\\n"\n'
        'given = tokenizer(text, add_special_tokens=False, return_tensors="pt")\n'
        "print(tokenizer.decode(model.generate(**given)[0]))\n```"
    )


def _training(run: RunRow, form: Scheme) -> str:
    table = run.recipe.get("train", {})
    knobs = ", ".join(f"{key} {table[key]}" for key in _KNOBS if key in table)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    lines = [
        f"Recipe {quoted(run.name)}" + f", arm {quoted(run.arm)}" * bool(run.arm) + f", seed {run.seed}",
        f"Scheme: {scheme.described(form)}; students: {', '.join(scheme.roles(form))}",
        f"Settings: {knobs}",
        f"Begun {run.created[:10]}, ended {(run.finished or 'never')[:10]}; {quoted(run.note)}",
        f"Versions: {versions}",
    ]
    if table.get("lora_rank"):
        lines.append("Trained as low-rank adapters, which are merged into these weights")
    if table.get("average"):
        last = f"{100 * table['average']:g} % of the steps"
        lines.append(f"These weights are the mean of those after each of the last {last}")
    return "\n".join(f"- {line}" for line in lines)


def _data(run: RunRow) -> str:
    table, teacher = _problems(run), TeacherTable.model_validate(run.recipe.get("teacher", {}))
    licence = LICENCES.get(table.train.partition(":")[0])
    name = (
        table.set_name
        if cut(table.train)[0] in SETS or table.train.startswith("stories:")
        else Path(table.train).name
    )
    part = f", the first {table.limit:,}" if table.limit else ""
    lines = [
        f"Problems: {quoted(name)}{part}; licence: {licence or 'not known: ask whoever made the problems'}",
        *map(_teacher, teacher.models if run.teacher == teacher.model else (run.teacher,)),
    ]
    if table.augment:
        lines.append(f"Learnt from too: up to {table.augment} variants of each problem with swapped numbers")
    if run.round:
        rounds = "a round" if run.round == 1 else f"{run.round} rounds"
        lines.append(
            f"Learnt from too: right solutions of its own to these problems, {rounds} of self-training"
        )
    if teacher.reuse:
        lines.append("Kept traces of other teachers in the same store were learnt from too (`teacher.reuse`)")
    return "\n".join(f"- {line}" for line in lines)


def _teacher(model: str) -> str:
    if model == "reference":
        return "Teacher: `reference`, the data set's own steps, under its licence"
    return (
        f"Teacher: {quoted(model)}; what a model writes is under the terms of whoever made or runs it: look"
        " them up before these weights are shared"
    )


def _descent(told: Released) -> str:
    same = len({tuple(line) for line in told.origins.values()}) == 1
    shown = {"": next(iter(told.origins.values()))} if same else told.origins
    lines = [line for role, found in shown.items() for line in _line(role, found)]
    files = ", ".join(quoted(name) for name in told.licences)
    return "\n".join(lines) + f"\n\nThe texts of these licences: {files}." * bool(files)


def _line(role: str, found: Sequence[Origin]) -> Iterator[str]:
    for depth, origin in enumerate(found):
        head = f"{role}: ".capitalize() * bool(role and not depth)
        name, licence = quoted(origin.repo or origin.name), _plain(origin.licence or "not known")
        yield f"{'  ' * depth}- {head}{name}, licence: {licence}; {_plain(origin.said)}"


def _problems(run: RunRow) -> ProblemsTable:
    return ProblemsTable.model_validate(run.recipe["problems"])


def _plain(text: str) -> str:
    """Text for a table or a list: as it is where it is harmless, as code where it is not."""
    return text if all(c.isalnum() or c in " .,:;()-_@/%" for c in text) and text else quoted(text)


def base_names(run: RunRow, form: Scheme) -> dict[Role, str]:
    """What each role was trained from."""
    table = StudentTable.model_validate(run.recipe["student"])
    return {role: table.base_of(role) for role in scheme.roles(form)}
