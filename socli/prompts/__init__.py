"""What teachers and untrained students are shown: text files, hashed into a trace's id.

`examples-number.txt` and `examples-yes-no.txt` hold worked transcripts written for this project;
every scheme's examples are made from them. `answer.txt`, `cot.txt`, `socratic.txt` and, for sub-questions
without worked answers, `questions.txt` say in words what is wanted. `guided-ask.txt` and `guided-work.txt`
are for problems of which one half is known: sub-questions for known steps, answers to known sub-questions.
`json.txt` follows any of these where the same is to be written as JSON.
"""

from pathlib import Path
from typing import Literal

from socli import scheme
from socli.problem import AnswerKind, Problem, Step, digest
from socli.scheme import PROBLEM, Reading, Scheme

_HERE = Path(__file__).parent

Half = Literal["ask", "work"]
"""Which half of the known steps a guided teacher writes: the sub-questions, or the answers to them."""


def instruction(form: Scheme) -> str:
    """What a teacher is told to write."""
    name = "questions" if form.asks and not form.works else form.name
    return (_HERE / f"{name}.txt").read_text(encoding="utf-8").strip()


def as_json() -> str:
    """What a teacher is told beside the instruction where it is to write JSON."""
    return (_HERE / "json.txt").read_text(encoding="utf-8").strip()


def examples(form: Scheme, kind: AnswerKind) -> list[tuple[str, str]]:
    """(prompt, transcript) pairs that show the form."""
    return [
        (scheme.prompt(problem), scheme.write(reading.steps, reading.answer or "", form))
        for problem, reading in _blocks(kind)
    ]


def prefix(form: Scheme, kind: AnswerKind) -> str:
    """The examples as one text to stand before a problem, for a student that was never trained."""
    return "".join(f"{asked}{written}\n\n" for asked, written in examples(form, kind))


def fingerprint(form: Scheme, kind: AnswerKind) -> str:
    """Hash of everything a teacher is shown beside the problem; one for lines of text and for JSON."""
    return digest(instruction(form), as_json(), *(part for pair in examples(form, kind) for part in pair))


def half(problem: Problem) -> Half | None:
    """What is missing of the problem's own steps; None where nothing can be made of them."""
    if problem.steps and all(step.text.strip() for step in problem.steps):
        return "ask"
    if problem.steps and all(step.question.strip() for step in problem.steps):
        return "work"
    return None


def guided(problem: Problem, missing: Half) -> str:
    """The problem with the known half of its steps, numbered."""
    name, known = ("Step", _texts) if missing == "ask" else ("Sub-question", _questions)
    lines = (f"{name} {n}: {scheme.one_line(text)}" for n, text in enumerate(known(problem.steps), 1))
    return scheme.prompt(problem) + "\n".join(lines)


def guided_instruction(missing: Half) -> str:
    """What a guided teacher is told to write."""
    return (_HERE / f"guided-{missing}.txt").read_text(encoding="utf-8").strip()


def guided_examples(missing: Half, kind: AnswerKind) -> list[tuple[str, str]]:
    """(prompt, reply) pairs that show it."""
    shown = []
    for problem, reading in _blocks(kind):
        known = Problem(problem.question, kind=kind, context=problem.context, steps=reading.steps)
        if missing == "ask":
            written = "\n".join(f"{scheme.ASK} {text}" for text in _questions(reading.steps))
        else:
            works = Scheme("cot")
            written = scheme.write(reading.steps, reading.answer or "", works)
        shown.append((guided(known, missing), written))
    return shown


def guided_fingerprint(kind: AnswerKind) -> str:
    """Hash of everything a guided teacher is shown beside the problem and its steps."""
    halves: tuple[Half, ...] = ("ask", "work")
    examples_ = (part for missing in halves for pair in guided_examples(missing, kind) for part in pair)
    return digest(*map(guided_instruction, halves), as_json(), *examples_)


def _texts(steps: tuple[Step, ...]) -> list[str]:
    return [step.text for step in steps]


def _questions(steps: tuple[Step, ...]) -> list[str]:
    return [step.question for step in steps]


def _blocks(kind: AnswerKind) -> list[tuple[Problem, Reading]]:
    """The worked examples as they stand in the files."""
    name = "examples-yes-no.txt" if kind == "yes/no" else "examples-number.txt"
    blocks = (_HERE / name).read_text(encoding="utf-8").strip().split("\n\n")
    return [_block(block, kind) for block in blocks]


def _block(block: str, kind: AnswerKind) -> tuple[Problem, Reading]:
    question, _, transcript = block.partition("\n")
    context = ""
    if transcript.startswith(scheme.FACTS):
        context, _, transcript = transcript.partition("\n")
    problem = Problem(
        question.removeprefix(PROBLEM).strip(), kind=kind, context=context.removeprefix(scheme.FACTS).strip()
    )
    return problem, scheme.read(transcript)
