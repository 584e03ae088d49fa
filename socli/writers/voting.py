"""Several samples of every turn, one of which goes on: the one most agree on, or the first that is sound.

A `Voting` stands where `solve` expects a writer, and writes through one that samples. A student that
writes alone votes on its answer (self-consistency, Wang et al. 2022); the solver of two on each sub-answer.
A `Verifier` gives each sample of a student that writes alone its weight (Cobbe et al. 2021).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from socli import answer, scheme
from socli.arithmetic import comes_to, first_wrong
from socli.errors import UsageError
from socli.problem import AnswerKind, Step
from socli.solve import Solvers, Writes
from socli.writers.pieces import Piece, Sampling

TRIES = 8
"""So often a turn is written at most until its arithmetic is sound."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """The run that weighs samples, and how likely it takes each of some solutions to be right.

    Solutions are as `scheme.claim` writes them.
    """

    name: str
    weigh: Callable[[Sequence[str]], Sequence[float]]


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
    verifier: Verifier | None = None,
) -> Solvers:
    """The same solvers, whose solving student, which is `writer`, votes or tries until it is sound.

    They belong to no run any more, so that no bench of theirs is taken for one of the run's. UsageError where
    a verifier would weigh lines of two students.
    """
    if verifier and who.decomposer:
        raise UsageError(
            f"a verifier weighs whole solutions, and the students of {who.name} write theirs in turns",
            hint="leave out --verifier, or name a run whose student writes alone",
        )
    times = votes if votes > 1 else TRIES
    how = replace(sampling, repeats=times)
    writer.sample(how)
    name = who.name + f", {votes} votes" * (votes > 1) + ", until valid" * until_valid
    name += f", verifier {verifier.name}" if verifier else ""
    voting = Voting(writer, times, kind, vote=votes > 1, sound=until_valid, verifier=verifier)
    weighed_by = verifier.name if verifier else ""
    return replace(who, name=name, run=None, student=voting, sampling=how, verifier=weighed_by)


class Voting:
    """Writes each turn `times` times. With `vote` all are written and the commonest result wins, the first
    of those that have it; without, they are written one after the other until one is `sound`. With both, only
    the sound ones vote, if there are any. With a `verifier` the result of most weight wins, and of its
    samples the one of most weight.
    """

    def __init__(
        self,
        writer: Samples,
        times: int,
        kind: AnswerKind,
        *,
        vote: bool,
        sound: bool,
        verifier: Verifier | None = None,
    ) -> None:
        self._writer, self._times, self._kind = writer, times, kind
        self._vote, self._sound, self._verifier = vote, sound, verifier
        self._prompts: Sequence[str] = ()

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch: each prompt as many times as there are samples."""
        self._prompts = prompts
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
        best, share = self._elected(number, samples, line=line)
        if line:
            rows = list(self._samples(number))
            self._writer.follow(rows[best], [row for row in rows if row != rows[best]])
        lost = sum(piece.tokens for n, pieces in enumerate(samples) if n != best for piece in pieces)
        *pieces, last = (replace(piece, row=number) for piece in samples[best])
        yield from pieces
        yield replace(last, share=share, lost=lost)

    def _elected(self, number: int, samples: list[list[Piece]], *, line: bool) -> tuple[int, float | None]:
        """Which sample goes on and, where they voted, what share of all samples or of their weight agrees."""
        sound = [n for n, pieces in enumerate(samples) if not self._sound or _is_sound(pieces)]
        if not self._vote:
            return (sound or [0])[0], None
        results = {n: self._result(samples[n], line=line) for n in sound or range(len(samples))}
        came = {n: result for n, result in results.items() if result is not None}
        if not came:
            return min(results), 0.0
        weights = self._weighed(number, samples, came)
        totals = dict.fromkeys(came.values(), 0.0)
        for n, result in came.items():
            totals[result] += weights[n]
        winner = max(totals, key=totals.__getitem__)  # of equals the one that came first
        best = max((n for n in came if came[n] == winner), key=weights.__getitem__)
        whole = sum(totals.values()) if self._verifier else len(samples)
        return best, totals[winner] / whole if whole else 0.0

    def _weighed(self, number: int, samples: list[list[Piece]], came: Mapping[int, str]) -> dict[int, float]:
        """The weight of each sample of a problem that came to an answer; no solution is weighed twice."""
        if self._verifier is None:
            return dict.fromkeys(came, 1.0)
        claims = {}
        for n, result in came.items():
            steps = scheme.read("".join(piece.text for piece in samples[n])).steps
            claims[n] = scheme.claim(self._prompts[number], steps, result)
        texts = list(dict.fromkeys(claims.values()))
        weights = dict(zip(texts, self._verifier.weigh(texts), strict=True))
        return {n: weights[text] for n, text in claims.items()}

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
    stated = comes_to(work)
    return (answer.canonical(stated, "number") if stated else None) or scheme.one_line(work) or None


def _is_sound(pieces: list[Piece]) -> bool:
    """Whether it came to an end and no marked equation in it is wrong."""
    text = "".join(piece.text for piece in pieces)
    return pieces[-1].stop in ("line", "end") and first_wrong([Step("", text)]) is None
