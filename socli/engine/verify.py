"""How likely a solution is right, in the eyes of a student that has learnt to say so (Cobbe et al. 2021)."""

from collections.abc import Sequence

from socli.engine import attention, batches
from socli.engine.decode import MOST_FED, following
from socli.engine.student import Student, longest, tokens
from socli.scheme import NO, YES


def rightness(who: Student, texts: Sequence[str]) -> list[float]:
    """P(yes) / (P(yes) + P(no)) for each text that ends where the student says which (`scheme.claim`).

    Texts of like length are read end to end in one pass; a share depends on the others by rounding alone. A
    text that is longer than the student can read loses its beginning. Where the words begin with the same
    tokens, what comes after these decides.
    """
    yes, no = tokens(who, [YES, NO])
    at = next(n for n, (one, other) in enumerate(zip(yes, no, strict=False)) if one != other)
    rows = [(ids + yes[:at])[-longest(who) :] for ids in tokens(who, list(texts))]
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
    found: list[float] = []
    for pack in batches.packs([batches.Encoded(tuple(rows[n]), ()) for n in order], MOST_FED):
        slots = attention.Slots(who.model.config, len(pack), who.model.dtype, who.device)
        ids = [one.ids for one in pack]
        scores = following(who, slots, list(range(len(pack))), ids, [0] * len(pack))
        found += scores[:, [yes[at], no[at]]].float().softmax(dim=-1)[:, 0].tolist()
    return [share for _, share in sorted(zip(order, found, strict=True))]
