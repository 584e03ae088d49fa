"""A teacher that solves: a model behind a chat endpoint as a writer, of whole transcripts or turn by turn.

It is not trained on transcripts, so it is told in words what to write and its reply is read as an annotating
teacher's is; what counts is the line it was asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
        self._form = form
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
        """Write rows until each has stopped; one piece a row. An answer that is missing is asked for."""
        bodies: dict[int, dict[str, Any]] = {}
        unanswered: dict[int, dict[str, Any]] = {}
        with Flight(self._to, "/chat/completions") as flight:
            for number, most in limits.items():
                if most < 1:
                    yield Piece(number, "", tokens=0, stop="length")
                    continue
                bodies[number] = {
                    "messages": self._told(number, line),
                    "max_tokens": most,
                    "temperature": 0.0,
                }
                flight.start(number, bodies[number])
            while flight.waits:
                number, choice = flight.landed()
                if number in unanswered:
                    choice = _joined(unanswered[number], choice)
                elif more := None if line else _for_the_answer(bodies[number], choice):
                    unanswered[number] = choice
                    flight.start(number, more)
                    continue
                text, stop = self._read(number, choice["text"], line)
                if choice["finish"] == "length" and not text:
                    stop = "length"
                self._texts[number] += text
                yield Piece(number, text, choice["tokens"], stop=stop)

    def _told(self, number: int, line: bool) -> list[dict[str, str]]:
        """The messages that ask for a whole transcript, or for the next line of one."""
        said = self._prompts[number].strip()
        if line:
            said += f"\n{self._texts[number]}\n\n{_TURNS[self._wanted(number)]}"
        return [*self._opening, {"role": "user", "content": said}]

    def _wanted(self, number: int) -> str:
        """The label of the line that is to be written: the one that was begun, or a question."""
        begun = self._texts[number].rpartition("\n")[2]
        return begun if begun in (WORK, END) else ASK

    def _read(self, number: int, said: str, line: bool) -> tuple[str, Stop]:
        """What a reply comes to as a part of the transcript, and how it ends."""
        reading = replies.reading(said)
        if not line:
            answered = reading.answer is not None
            return (
                scheme.write(reading.steps, reading.answer or "", self._form) if answered else said
            ), "end"
        wanted = self._wanted(number)
        if wanted == END:
            return f" {reading.answer if reading.answer is not None else _bare(said)}", "end"
        if wanted == WORK:
            work = next((step.text for step in reading.steps if step.text), "") or _bare(said)
            return f" {scheme.one_line(work)}\n", "line"
        question = next((step.question for step in reading.steps if step.question), "")
        return (f"{ASK} {scheme.one_line(question)}\n", "line") if question else ("", "end")


def _for_the_answer(body: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any] | None:
    """What asks for the answer of a transcript that came to none; None where it did, or ran out of tokens."""
    left = body["max_tokens"] - choice["tokens"]
    if left < 1 or choice["finish"] == "length" or replies.reading(choice["text"]).answer is not None:
        return None
    said = {"role": "assistant", "content": choice["text"]}
    asked = {"role": "user", "content": _TURNS[END]}
    return {**body, "messages": [*body["messages"], said, asked], "max_tokens": left}


def _joined(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """The transcript and the answer that was asked for after it, as one reply."""
    answer = replies.reading(last["text"]).answer
    line = f"{END} {answer if answer is not None else _bare(last['text'])}"
    text, tokens = f"{first['text'].rstrip()}\n{line}", first["tokens"] + last["tokens"]
    return {**last, "text": text, "tokens": tokens}


def _bare(said: str) -> str:
    """The first line that says something, without a label."""
    first = next((one.strip() for one in said.splitlines() if one.strip()), "")
    return first.removeprefix(WORK).removeprefix(END).strip()
