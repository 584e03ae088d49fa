"""Several answers to the same problem: pass@k and maj@k, with intervals over problems."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from socli.events import Event, Scored
from socli.scoring import stats
from socli.scoring.stats import Interval


@dataclass(frozen=True, slots=True)
class AtK:
    """What `k` samples of each problem reach: one of them right, or the most frequent answer right."""

    k: int
    passes: Interval
    majority: Interval


@dataclass(slots=True)
class Samples:
    """The answers to each problem whose right answer is known, collected as they pass."""

    answers: dict[str, list[str | None]] = field(default_factory=dict)
    golds: dict[str, str] = field(default_factory=dict)
    right: dict[str, int] = field(default_factory=dict)

    def collect(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events; memory grows with the number of samples."""
        for event in events:
            if isinstance(event, Scored) and event.problem.gold is not None:
                id = event.problem.id
                self.answers.setdefault(id, []).append(event.prediction.answer)
                self.golds[id] = event.problem.gold
                self.right[id] = self.right.get(id, 0) + (event.prediction.correct is True)
            yield event

    def at_k(self) -> list[AtK]:
        """For k = 1, 2, 4 … and as many as every problem has; nothing where there is no second sample."""
        most = min(map(len, self.answers.values()), default=0)
        if most < 2:
            return []
        counts = [(len(answers), self.right[id]) for id, answers in self.answers.items()]
        votes = [(answers, self.golds[id]) for id, answers in self.answers.items()]
        ks = sorted({2**n for n in range(most.bit_length()) if 2**n <= most} | {most})
        return [AtK(k, stats.pass_at(k, counts), stats.maj_at(k, votes)) for k in ks]
