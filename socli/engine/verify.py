"""How likely a solution is right, in the eyes of a student that has learnt to say so (Cobbe et al. 2021)."""

from collections.abc import Sequence

import torch

from socli.engine import attention, batches
from socli.engine.decode import MOST_FED
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
        scores = _next(who, [one.ids for one in pack])[:, [yes[at], no[at]]]
        found += scores.float().softmax(dim=-1)[:, 0].tolist()
    return [share for _, share in sorted(zip(order, found, strict=True))]


@torch.inference_mode()
def _next(who: Student, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Scores of the next token after each row of ids: [rows, vocabulary]."""
    model, where = who.model, who.device
    counts = [len(row) for row in rows]
    slots = attention.Slots(model.config, len(rows), model.dtype, where)
    aim = slots.aim(list(range(len(rows))), [0] * len(rows), counts)
    with attention.lent(model.config, attention.RAGGED):
        hidden = model.base_model(
            input_ids=torch.tensor([[token for row in rows for token in row]], device=where),
            attention_mask=aim.mask,
            position_ids=aim.positions[None],
            past_key_values=slots,
            use_cache=True,
            aim=aim,
        ).last_hidden_state
    ends = torch.tensor(counts, device=where).cumsum(0) - 1
    scores: torch.Tensor = model.get_output_embeddings()(hidden[0, ends])
    return scores
