"""Useful operations, counted by hand, and the share of the machine's limit that is told."""

import torch
from doubles import PROBLEMS

from socli import scheme
from socli.engine import limit, training
from socli.events import Trained
from socli.problem import Trace
from socli.recipe import TrainTable
from socli.scheme import Scheme

LESSONS = [
    lesson
    for p in PROBLEMS
    for lesson in scheme.lessons(p, Trace(p.id, p.steps, p.gold or "", "reference"), Scheme("answer"))
]


def test_operations_are_those_of_the_matrices_the_targets_and_half_the_attention(tiny_student):
    """Two layers, 32 wide: queries and outputs 32 x 32, keys and values 16 x 32, three of 96 x 32; norms."""
    layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 96 * 32 + 2 * 32
    inner = 2 * layer + 32
    head = tiny_student.model.config.vocab_size * 32
    expected = 6 * inner * (10 + 20) + 6 * head * 7 + 6 * 2 * 32 * (100 + 400)
    assert limit.operations(tiny_student.model, [10, 20], targets=7) == expected


def test_this_machine_multiplies_matrices(tiny_student):
    assert limit.product(tiny_student.model, torch.device("cpu"), "fp32") > 1e6


def test_the_share_of_the_limit_is_told_with_every_step(tiny_student, tmp_path):
    events = training.train(tiny_student, LESSONS, TrainTable(epochs=2, batch=4), tmp_path, "run")
    shares = [event.share for event in events if isinstance(event, Trained)]
    assert len(shares) == 2
    assert all(0 < share < 2 for share in shares)
