"""Several samples of every turn, one of which goes on: the one most agree on, or the first that is sound.

A `Voting` stands where `solve` expects a writer, and writes through one that samples. A student that
writes alone votes on its answer (self-consistency, Wang et al. 2022); the solver of two on each sub-answer.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from socli import answer, scheme
from socli.arithmetic import first_wrong, marks
from socli.problem import AnswerKind, Step
from socli.solve import Solvers, Writes
from socli.writers.pieces import Piece, Sampling

TRIES = 8
"""So often a turn is written at most until its arithmetic is sound."""

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


class Samples(Writes, Protocol):
    """A writer that can draw, and whose rows can take over one another's text."""

    def sample(self, how: Sampling) -> None:
        """Draw from now on."""

    def follow(self, leader: int, numbers: Sequence[int]) -> None:
        """Let rows stand where the leader stands."""


def voted(
    who: Solvers,
    writer: Samples,
    sampling: Sampling,
    votes: int,
    kind: AnswerKind,
    *,
    until_valid: bool = False,
) -> Solvers:
    """The same solvers, whose solving student, which is `writer`, votes or tries until it is sound.

    They belong to no run any more, so that no bench of theirs is taken for one of the run's.
    """
    times = votes if votes > 1 else TRIES
    how = replace(sampling, repeats=times)
    writer.sample(how)
    name = who.name + f", {votes} votes" * (votes > 1) + ", until valid" * until_valid
    voting = Voting(writer, times, kind, vote=votes > 1, sound=until_valid)
    return replace(who, name=name, run=None, student=voting, sampling=how)


class Voting:
    """Writes each turn `times` times. With `vote` all are written and the commonest result wins, the first
    of those that have it; without, they are written one after the other until one is `sound`. With both, only
    the sound ones vote, if there are any.
    """

    def __init__(self, writer: Samples, times: int, kind: AnswerKind, *, vote: bool, sound: bool) -> None:
        self._writer, self._times, self._kind = writer, times, kind
        self._vote, self._sound = vote, sound

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch: each prompt as many times as there are samples."""
        self._writer.open([prompt for prompt in prompts for _ in range(self._times)], prefix)

    def add(self, number: int, text: str) -> None:
        """Let all samples of a row read text."""
        for row in self._samples(number):
            self._writer.add(row, text)

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write the rows; the pieces of a row come when its samples have voted, the last with their share."""
        done: dict[int, list[list[Piece]]] = {number: [] for number in limits}
        rounds = [range(self._times)] if self._vote else [range(n, n + 1) for n in range(self._times)]
        for samples in rounds:
            wanted = {
                self._samples(number)[n]: most
                for number, most in limits.items()
                if self._vote or not any(map(_is_sound, done[number]))
                for n in samples
            }
            written: dict[int, list[Piece]] = {row: [] for row in wanted}
            for piece in self._writer.write(wanted, line=line, together=together) if wanted else ():
                written[piece.row].append(piece)
                number = piece.row // self._times
                ours = [row for row in self._samples(number) if row in written]
                if piece.stop and all(written[row] and written[row][-1].stop for row in ours):
                    done[number] += [written[row] for row in ours]
                    if self._vote or _is_sound(done[number][-1]) or samples[-1] == self._times - 1:
                        yield from self._chosen(number, done[number], line=line)

    def _chosen(self, number: int, samples: list[list[Piece]], *, line: bool) -> Iterator[Piece]:
        """The pieces of the sample that goes on; the others' rows follow it."""
        best, share = self._elected(samples, line=line)
        if line:
            rows = list(self._samples(number))
            self._writer.follow(rows[best], [row for row in rows if row != rows[best]])
        lost = sum(piece.tokens for n, pieces in enumerate(samples) if n != best for piece in pieces)
        *pieces, last = (replace(piece, row=number) for piece in samples[best])
        yield from pieces
        yield replace(last, share=share, lost=lost)

    def _elected(self, samples: list[list[Piece]], *, line: bool) -> tuple[int, float | None]:
        """Which sample goes on, and the share of all samples that agree with it where they voted."""
        sound = [n for n, pieces in enumerate(samples) if not self._sound or _is_sound(pieces)]
        if not self._vote:
            return (sound or [0])[0], None
        results = {n: self._result(samples[n], line=line) for n in sound or range(len(samples))}
        counts = Counter(result for result in results.values() if result is not None)
        if not counts:
            return min(results), 0.0
        winner = counts.most_common(1)[0][0]  # of equals the one that came first
        first = next(n for n, result in results.items() if result == winner)
        return first, counts[winner] / len(samples)

    def _result(self, pieces: list[Piece], *, line: bool) -> str | None:
        """What a sample says: its answer, or what a worked answer comes to; None where it came to no end."""
        text = "".join(piece.text for piece in pieces)
        if pieces[-1].stop in ("length", "loop"):
            return None
        if pieces[-1].stop == "line":
            return _comes_to(text)
        said = scheme.read(text).answer if not line else text
        return None if said is None else answer.canonical(said, self._kind)

    def _samples(self, number: int) -> range:
        return range(number * self._times, (number + 1) * self._times)


def _comes_to(work: str) -> str | None:
    """The value of a worked answer: its last marked one, else its last number, else its words."""
    stated = [mark.stated for mark in marks(work)] or _NUMBER.findall(work)
    return (answer.canonical(stated[-1], "number") if stated else None) or scheme.one_line(work) or None


def _is_sound(pieces: list[Piece]) -> bool:
    """Whether it came to an end and no marked equation in it is wrong."""
    text = "".join(piece.text for piece in pieces)
    return pieces[-1].stop in ("line", "end") and first_wrong([Step("", text)]) is None
