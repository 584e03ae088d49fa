"""What teachers and untrained students are shown: text files, hashed into a trace's id.

`examples-number.txt` and `examples-yes-no.txt` hold worked transcripts written for this project;
every scheme's examples are made from them. `answer.txt`, `cot.txt`, `socratic.txt` and, for sub-questions
without worked answers, `questions.txt` say in words what is wanted.
"""

from pathlib import Path

from socli import scheme
from socli.problem import AnswerKind, Problem, digest
from socli.scheme import PROBLEM, Scheme

_HERE = Path(__file__).parent


def instruction(form: Scheme) -> str:
    """What a teacher is told to write."""
    name = "questions" if form.asks and not form.works else form.name
    return (_HERE / f"{name}.txt").read_text(encoding="utf-8").strip()


def examples(form: Scheme, kind: AnswerKind) -> list[tuple[str, str]]:
    """(prompt, transcript) pairs that show the form."""
    name = "examples-yes-no.txt" if kind == "yes/no" else "examples-number.txt"
    blocks = (_HERE / name).read_text(encoding="utf-8").strip().split("\n\n")
    return [_example(block, form, kind) for block in blocks]


def prefix(form: Scheme, kind: AnswerKind) -> str:
    """The examples as one text to stand before a problem, for a student that was never trained."""
    return "".join(f"{asked}{written}\n\n" for asked, written in examples(form, kind))


def fingerprint(form: Scheme, kind: AnswerKind) -> str:
    """Hash of everything a teacher is shown beside the problem."""
    return digest(instruction(form), *(part for example in examples(form, kind) for part in example))


def _example(block: str, form: Scheme, kind: AnswerKind) -> tuple[str, str]:
    question, _, transcript = block.partition("\n")
    context = ""
    if transcript.startswith(scheme.FACTS):
        context, _, transcript = transcript.partition("\n")
    problem = Problem(
        question.removeprefix(PROBLEM).strip(), kind=kind, context=context.removeprefix(scheme.FACTS).strip()
    )
    reading = scheme.read(transcript)
    return scheme.prompt(problem), scheme.write(reading.steps, reading.answer or "", form)
