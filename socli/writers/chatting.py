"""A teacher that solves: a model behind a chat endpoint as a writer, of whole transcripts or turn by turn.

It is not trained on transcripts, so it is told in words what to write and its reply is read as an annotating
teacher's is; what counts is the line it was asked for.
"""

from collections.abc import Iterator, Mapping, Sequence

from socli import scheme, teacher
from socli.problem import AnswerKind, Problem
from socli.scheme import ASK, END, WORK, Scheme
from socli.teacher import replies
from socli.writers.pieces import Piece, Stop
from socli.writers.served import Endpoint, Flight

_TURNS = {
    ASK: f"Write the next sub-question as one line that begins with `{ASK}`. If nothing more has to be "
    f"asked, write `{END}` alone.",
    WORK: f"Answer the last sub-question, and nothing more, in one line that begins with `{WORK}`.",
    END: f"Give the final answer of the problem in one line that begins with `{END}`.",
}


class ChatWriter:
    """Rows that a chat model writes. Greedy; the calculator has no part in it."""

    def __init__(self, to: Endpoint, form: Scheme, kind: AnswerKind) -> None:
        self._to = to
        *self._opening, _ = teacher.messages(Problem("?", kind=kind), form)
        self._prompts: list[str] = []
        self._texts: list[str] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt; examples are part of what it is told anyway."""
        self._prompts, self._texts = list(prompts), [""] * len(prompts)

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""
        self._texts[number] += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write rows until each has stopped; one piece a row."""
        with Flight(self._to, "/chat/completions") as flight:
            for number, most in limits.items():
                if most < 1:
                    yield Piece(number, "", tokens=0, stop="length")
                    continue
                said = self._prompts[number].strip()
                if line:
                    said += f"\n{self._texts[number]}\n\n{_TURNS[self._wanted(number)]}"
                told = [*self._opening, {"role": "user", "content": said}]
                flight.start(number, {"messages": told, "max_tokens": most, "temperature": 0.0})
            while flight.waits:
                number, choice = flight.landed()
                text, stop = self._read(number, choice["text"], line)
                if choice["finish"] == "length" and not text:
                    stop = "length"
                self._texts[number] += text
                yield Piece(number, text, choice["tokens"], stop=stop)

    def _wanted(self, number: int) -> str:
        """The label of the line that is to be written: the one that was begun, or a question."""
        begun = self._texts[number].rpartition("\n")[2]
        return begun if begun in (WORK, END) else ASK

    def _read(self, number: int, said: str, line: bool) -> tuple[str, Stop]:
        """What a reply comes to as a part of the transcript, and how it ends."""
        reading = replies.reading(said)
        if not line:
            answered = reading.answer is not None
            return (scheme.write(reading.steps, reading.answer or "", Scheme()) if answered else said), "end"
        wanted = self._wanted(number)
        if wanted == END:
            return f" {reading.answer if reading.answer is not None else _bare(said)}", "end"
        if wanted == WORK:
            work = next((step.text for step in reading.steps if step.text), "") or _bare(said)
            return f" {scheme.one_line(work)}\n", "line"
        question = next((step.question for step in reading.steps if step.question), "")
        return (f"{ASK} {scheme.one_line(question)}\n", "line") if question else ("", "end")


def _bare(said: str) -> str:
    """The first line that says something, without a label."""
    first = next((one.strip() for one in said.splitlines() if one.strip()), "")
    return first.removeprefix(WORK).removeprefix(END).strip()
