"""Batched decoding, greedy or sampled, with a calculator inside, one turn at a time.

A `Writer` holds one model and the open rows of one batch. Text is added to a row, then rows are
written until each ends its line or its transcript; keys and values stay between turns, so that a
turn feeds only what is new. Two writers that take turns are the Socratic loop (`solve`).
"""

import copy
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers.decoders import DecodeStream

from socli.arithmetic import open_mark
from socli.engine import attention
from socli.engine.student import Student, longest, tokens
from socli.scheme import END, PROBLEM
from socli.writers.guards import loops
from socli.writers.pieces import UNDER_WAY, Piece, Sampling, Stop, Waiting

MOST_FED = 4096
"""Most tokens that one forward pass reads: long prompts are read in pieces."""

LOOK = 32
"""Tokens between two looks whether a row goes round in circles: a look costs a fraction of a token."""


@dataclass(slots=True)
class _Row:
    """One open row. `waiting` tokens are chosen or added but not in the cache yet; `length` are."""

    number: int
    waiting: list[int]
    stream: Any
    length: int = 0
    left: int = 0
    text: str = ""
    prompt: str = ""
    drawn: int = 0
    """Tokens chosen so far, which chance goes by."""
    gone: bool = False
    """Whether it is not written again, so that its place is free."""


class Writer:
    """One student and the rows of one batch. A row's text does not depend on the others.

    Greedy, unless `sample` says otherwise.
    """

    def __init__(self, who: Student, *, calculator: bool) -> None:
        self._student = who
        self._calculator = calculator
        self._longest = longest(who)
        self._ends = _ends(who)
        self._sampling: Sampling | None = None
        self._all: list[_Row] = []
        self._rows: list[_Row] = []  # by place; those being written come first
        self._prefix: list[int] = []
        self._slots: attention.Slots

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt. `prefix` comes before each and is computed once."""
        *ids, self._prefix = tokens(self._student, [*prompts, prefix])
        self._all = [
            _Row(n, row, DecodeStream(skip_special_tokens=True), length=len(self._prefix), prompt=prompts[n])
            for n, row in enumerate(ids)
        ]
        self._rows = []

    def sample(self, how: Sampling) -> None:
        """Draw from now on."""
        self._sampling = how

    def follow(self, leader: int, numbers: Sequence[int]) -> None:
        """Let rows stand where the leader stands: what it has read and written, they have."""
        ahead = self._all[leader]
        for row in (self._all[number] for number in numbers):
            if ahead in self._rows and row in self._rows:
                self._slots.copy(self._rows.index(ahead), self._rows.index(row), ahead.length)
            row.length, row.waiting, row.text = ahead.length, list(ahead.waiting), ahead.text
            row.stream = copy.copy(ahead.stream)

    def leave(self, number: int) -> None:
        """A row is not written again: its place goes to another."""
        self._all[number].gone = True

    def add(self, number: int, text: str) -> None:
        """Let a row read `text` before it writes on."""
        row = self._all[number]
        row.waiting += self._ids(text)
        row.text += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write the rows in `limits` (row: most tokens) until each has stopped.

        With `line` a row stops at the end of its line, else at the end of its transcript. Pieces of
        all rows come interleaved; the last piece of a row carries its `stop`. Where no more than so many
        may be written `together`, the others wait. A row that goes on later, after its line, keeps its
        place until it is left; a whole transcript leaves it at its end.
        """
        more = limits if isinstance(limits, Waiting) else Waiting(limits)
        waiting: deque[_Row] = deque()
        most = min(together or len(self._all), len(self._all))
        few = max(1, most // 8)
        active, chosen = 0, []
        while more or active or waiting:
            yield from self._admit(more, waiting)
            if waiting and not self._rows:
                self._lay_out(min(len(self._all), UNDER_WAY * most if line else most))
            # where more are to come, they are read some at a time
            enough = min(few, len(waiting)) if more is not limits else few
            if waiting and (not active or (active <= most - few and len(waiting) >= enough)):
                new = self._seat(waiting, active, most)
                chosen += self._read(list(range(active, active + new)))
                active += new
            active = yield from self._step(active, chosen, line)
            chosen = self._feed(list(range(active)))

    def _admit(self, more: Waiting, waiting: "deque[_Row]") -> Iterator[Piece]:
        """Take rows up; those that may write nothing have stopped."""
        while more:
            number = next(iter(more))
            row, most = self._all[number], more.pop(number)
            row.left = min(most, self._longest - row.length - len(row.waiting))
            if row.left < 1:
                yield Piece(row.number, "", tokens=0, stop="length")
            else:
                waiting.append(row)

    def _step(self, active: int, chosen: list[int], line: bool) -> Generator[Piece, None, int]:
        """Each active row takes its chosen token; how many are active then."""
        for place in reversed(range(active)):  # a row that stops changes places with the last
            row = self._rows[place]
            if row.waiting:  # it still reads what the calculator wrote
                continue
            for piece in self._take(row, chosen[place], line):
                yield piece
                if piece.stop:
                    active -= 1
                    row.gone |= not line
                    self._swap(place, active)
        return active

    def _lay_out(self, places: int) -> None:
        """Make places for so many rows and read the prefix."""
        model, first = self._student.model, self._prefix
        self._slots = attention.Slots(model.config, places, model.dtype, self._student.device)
        self._rows = self._all[:places]
        for start in range(0, len(first), MOST_FED):
            self._forward([0], [first[start : start + MOST_FED]], [start])
        self._slots.copy_first(len(first))

    def _seat(self, waiting: "deque[_Row]", active: int, most: int) -> int:
        """Give waiting rows the places behind the active ones, up to `most` in all; how many there were.

        A row without a place takes one whose row is gone: its prefix is there already, and what lies
        beyond is masked until it is overwritten.
        """
        new = min(len(waiting), most - active)
        for place in range(active, active + new):
            row = waiting.popleft()
            held = next((p for p, one in enumerate(self._rows) if one is row), None)
            if held is None:
                held = self._free(most)
                self._rows[held] = row
            self._swap(held, place)
        return new

    def _free(self, more: int) -> int:
        """A place whose row is gone; where there is none, so many places more are made."""
        gone = next((place for place, row in enumerate(self._rows) if row.gone), None)
        if gone is not None:
            return gone
        self._slots.widen(more, len(self._prefix))
        self._rows += [_Row(-1, [], None, gone=True) for _ in range(more)]
        return len(self._rows) - more

    def _take(self, row: _Row, token: int, line: bool) -> Iterator[Piece]:
        """Append the chosen token to the row and, after `<<expression=`, the value and `>>`."""
        row.left -= 1
        row.drawn += 1
        if token in self._ends:
            yield Piece(row.number, "", stop="end")
            return
        text = self._append(row, [token])
        if line and "\n" in text:
            yield Piece(row.number, text, stop="line")
        elif not line and _ended(row.text, text):
            yield Piece(row.number, text, stop="end")
        elif row.left < 1:
            yield Piece(row.number, text, stop="length")
        elif row.left % LOOK == 0 and loops(row.text):
            yield Piece(row.number, text, stop="loop")
        else:
            yield Piece(row.number, text)
            yield from self._compute(row, text)

    def _compute(self, row: _Row, text: str) -> Iterator[Piece]:
        value = open_mark(row.text) if self._calculator and "=" in text else None
        if value is None:
            return
        ids = self._ids(f"{value}>>")
        row.left -= len(ids)
        out: Stop | None = "length" if row.left < 1 else None
        yield Piece(row.number, self._append(row, ids), tokens=len(ids), computed=True, stop=out)

    def _append(self, row: _Row, ids: list[int]) -> str:
        row.waiting += ids
        pieces = [row.stream.step(self._student.tokenizer.backend_tokenizer, token) for token in ids]
        text = "".join(piece for piece in pieces if piece)
        row.text += text
        return text

    def _ids(self, text: str) -> list[int]:
        return tokens(self._student, [text])[0]

    def _swap(self, one: int, other: int) -> None:
        if one != other:
            length = max(self._rows[one].length, self._rows[other].length)
            self._slots.swap(one, other, length)
            self._rows[one], self._rows[other] = self._rows[other], self._rows[one]

    def _read(self, places: list[int]) -> list[int]:
        """Feed these rows all that waits; the likeliest next token of each."""
        chosen = dict.fromkeys(places, 0)
        while reading := [place for place in places if self._rows[place].waiting]:
            most = max(1, MOST_FED // len(reading))
            chosen.update(zip(reading, self._feed(reading, most=most), strict=True))
        return list(chosen.values())

    def _feed(self, places: list[int], *, most: int = 1) -> list[int]:
        """Feed each of the rows up to `most` waiting tokens; the likeliest next token of each."""
        rows = [self._rows[place] for place in places]
        if not rows:
            return []
        fed = [row.waiting[:most] for row in rows]
        chosen = self._forward(places, fed, [row.length for row in rows])
        for row, ids in zip(rows, fed, strict=True):
            row.length += len(ids)
            row.waiting = row.waiting[len(ids) :]
        return chosen

    @torch.inference_mode()
    def _forward(self, places: list[int], ids: list[list[int]], lengths: list[int]) -> list[int]:
        """Run the model over rows that follow `lengths` cached tokens, end to end; the next ones, chosen."""
        logits = following(self._student, self._slots, places, ids, lengths)
        if self._sampling:
            rows = [self._rows[place] for place in places]
            chances = [self._sampling.chance(row.prompt, row.number, row.drawn) for row in rows]
            return drawn(logits, self._sampling, chances)
        chosen: list[int] = logits.max(dim=-1).indices.tolist()  # as argmax, in a quarter of its time in bf16
        return chosen


@torch.inference_mode()
def following(
    who: Student,
    slots: attention.Slots,
    places: list[int],
    ids: Sequence[Sequence[int]],
    lengths: list[int],
) -> torch.Tensor:
    """Scores of the next token of each row [rows, vocabulary], once it has read its ids.

    Rows lie at `places` of the slots, follow `lengths` cached tokens, and are read end to end.
    """
    counts = [len(row) for row in ids]
    aim = slots.aim(places, lengths, counts)
    with attention.lent(who.model.config, attention.RAGGED):
        hidden = who.model.base_model(
            input_ids=torch.tensor([[token for row in ids for token in row]], device=who.device),
            attention_mask=aim.mask,
            position_ids=aim.positions[None],
            past_key_values=slots,
            use_cache=True,
            aim=aim,
        ).last_hidden_state
    ends = torch.tensor(counts, device=who.device).cumsum(0) - 1
    scores: torch.Tensor = who.model.get_output_embeddings()(hidden[0, ends])
    return scores


def drawn(logits: torch.Tensor, how: Sampling, chances: Sequence[float]) -> list[int]:
    """One token of each row of logits [rows, vocabulary]; likeliest first, chance says how far in."""
    if how.temperature == 0:
        return [int(token) for token in logits.argmax(dim=-1)]
    shares, order = torch.softmax(logits.double() / how.temperature, dim=-1).sort(
        descending=True, stable=True
    )
    until = shares.cumsum(dim=-1)
    kept = (until - shares < how.top_p).sum(dim=-1, keepdim=True)  # the first always is
    whole = until.gather(1, kept - 1)
    at = torch.searchsorted(until, whole * torch.tensor(chances, device=until.device)[:, None], right=True)
    return [int(token) for token in order.gather(1, torch.minimum(at, kept - 1))[:, 0]]


def _ends(who: Student) -> frozenset[int]:
    """The ids that end a transcript."""
    more = who.model.generation_config.eos_token_id
    listed = more if isinstance(more, list) else [more]
    return frozenset(int(token) for token in [who.end, *listed] if token is not None)


def _ended(transcript: str, text: str) -> bool:
    """Whether `text`, just added, completes the answer line or begins another problem."""
    if "\n" in text and transcript.rstrip("\n").rsplit("\n", 1)[-1].startswith(END):
        return True
    return ":" in text and transcript.rsplit("\n", 1)[-1] == PROBLEM
