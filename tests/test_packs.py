"""Lessons one after the other in a single row: the same losses and gradients as one at a time."""

import inspect
import itertools

import pytest
import tiny
import torch
import torch.nn.functional as F
from doubles import PROBLEMS
from torch.nn.attention.varlen import varlen_attn

from socli import scheme
from socli.engine import attention, batches, training
from socli.engine.batches import Encoded
from socli.problem import Trace
from socli.scheme import Scheme

LESSONS = [
    lesson
    for p in PROBLEMS
    for lesson in scheme.lessons(p, Trace(p.id, p.steps, p.gold or "", "reference"), Scheme())
]


def stand_in(query, key, value, bounds, longest, scale):
    """What the kernel for CUDA computes, row by row, on a CPU."""
    edges = bounds.tolist()
    assert longest == max(end - begin for begin, end in itertools.pairwise(edges))
    mixed = []
    for begin, end in itertools.pairwise(edges):
        q, k, v = (heads[begin:end].transpose(0, 1)[None] for heads in (query, key, value))
        shared = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        mixed.append(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)[0].transpose(0, 1))
    return torch.cat(mixed)


attention.use_packed("stand_in", stand_in)


def learnt(student, parts, name):
    """The summed loss and the gradients by name."""
    student.model.zero_grad()
    with attention.named(student.model, name):
        losses = [training.loss_of(student.model, part, "fp32") for part in parts]
        sum(losses).backward()
    return sum(loss.item() for loss in losses), {
        name: weight.grad.clone() for name, weight in student.model.named_parameters()
    }


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_packed_lessons_see_nothing_of_each_other(load_tiny, family):
    student = load_tiny(family)
    rows = batches.encode(student, LESSONS)
    packed = [batches.pack(rows, student.device)]
    alone = [batches.rectangle([row], student.device) for row in rows]
    loss, gradients = learnt(student, packed, "stand_in")
    expected, one_by_one = learnt(student, alone, "sdpa")
    assert loss == pytest.approx(expected, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, one_by_one[name], rtol=1e-3, atol=1e-4)


def test_a_pack_points_at_the_states_that_predict_the_targets():
    lesson = Encoded((5, 6, 7, 8), (False, False, True, True))
    short = Encoded((9, 4), (False, True))
    made = batches.pack([lesson, short], torch.device("cpu"))
    assert made.ids.tolist() == [[5, 6, 7, 8, 9, 4]]
    assert (made.rows.tolist(), made.places.tolist()) == ([0, 0, 0], [1, 2, 4])
    assert made.targets.tolist() == [7, 8, 4]
    assert made.packed["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1]]
    assert made.packed["cu_seq_lens_q"].tolist() == [0, 4, 6]
    assert made.packed["cu_seq_lens_q"].dtype == torch.int32
    assert made.packed["max_length_q"] == 4


def test_packs_hold_what_fits_and_lose_no_lesson():
    rows = [Encoded((1,) * n, (True,) * n) for n in (3, 4, 9, 2, 2)]
    assert [[len(row.ids) for row in pack] for pack in batches.packs(rows, 7)] == [[3, 4], [9], [2, 2]]


def test_torchs_kernel_takes_what_it_is_given():
    """It runs on CUDA alone; here its options are compared with those that `varlen` names."""
    known = set(inspect.signature(varlen_attn).parameters)
    assert {"window_size", "is_causal"} & known
    assert "scale" in known


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_torchs_kernel_gives_what_the_stand_in_gives():
    made = torch.Generator("cuda").manual_seed(1)
    q, k, v = (
        torch.randn(30, heads, 64, device="cuda", dtype=torch.bfloat16, generator=made) for heads in (9, 3, 3)
    )
    bounds = torch.tensor([0, 10, 30], dtype=torch.int32, device="cuda")
    torch.testing.assert_close(
        attention.varlen(q, k, v, bounds, 20, 0.125),
        stand_in(q, k, v, bounds, 20, 0.125),
        rtol=2e-2,
        atol=2e-2,
    )
