"""What gives way where a training does not fit, and that it is said."""

from dataclasses import replace

import pytest
import tiny
import torch
from doubles import PROBLEMS

from socli import scheme
from socli.engine import memory, training
from socli.engine.memory import Means
from socli.problem import Trace
from socli.recipe import TrainTable
from socli.scheme import Scheme

WISHED = Means(768)


def room(student, means: Means) -> int:
    return memory.needed(student.model, means, 200)


def test_where_all_fits_nothing_is_changed_and_nothing_said(tiny_student):
    enough = room(tiny_student, WISHED)
    assert memory.fitted(tiny_student.model, WISHED, 200, enough) == (WISHED, [])


def test_fewer_tokens_at_a_time_come_first(tiny_student):
    some = room(tiny_student, Means(400))
    means, (said,) = memory.fitted(tiny_student.model, WISHED, 200, some)
    assert means == Means(384)
    assert "384 instead of 768 tokens at a time" in said
    assert said.startswith("training needs about 0.0 GB and 0.0 are free: ")


def test_never_fewer_tokens_than_the_longest_lesson_has(tiny_student):
    means, _ = memory.fitted(tiny_student.model, WISHED, 300, 0)
    assert means.tokens == 300


def test_then_layers_are_computed_twice(tiny_student):
    some = room(tiny_student, Means(256, recompute=True))
    means, (said,) = memory.fitted(tiny_student.model, WISHED, 200, some)
    assert means == Means(256, recompute=True)
    assert "layers computed twice" in said


def test_then_adapters_are_trained_and_where_even_that_is_too_much_it_is_said(tiny_student):
    means, (said,) = memory.fitted(tiny_student.model, WISHED, 200, 0)
    assert means == Means(256, recompute=True, rank=memory.RANK)
    assert "LoRA of rank 16 instead of all weights" in said
    assert said.endswith(", and even that may not fit")


def test_a_rank_that_was_asked_for_is_kept(tiny_student):
    means, _ = memory.fitted(tiny_student.model, Means(768, rank=4), 200, 0)
    assert means.rank == 4


def test_what_is_free_is_kept_up_to_a_gigabyte_and_never_less_than_is_needed():
    need = 4_000_000_000
    assert memory.bound(need, 20_000_000_000) == need + 1_073_741_824
    assert memory.bound(need, 5_000_000_000) == 4_500_000_000
    assert memory.bound(need, 4_100_000_000) == need


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_every_family_says_how_large_it_is(load_tiny, family):
    student = load_tiny(family)
    least = 14 * student.parameters  # moments, gradients, and the copy in bf16
    assert memory.needed(student.model, WISHED, 200) > least
    assert memory.needed(student.model, Means(768, rank=2), 200) < memory.needed(student.model, WISHED, 200)


def test_this_machine_has_memory_and_this_process_holds_some_of_it():
    assert 0 < memory.free(torch.device("cpu")) < 2**50
    assert 2**24 < memory.held() < 2**40


LESSONS = [
    lesson
    for p in PROBLEMS
    for lesson in scheme.lessons(p, Trace(p.id, p.steps, p.gold or "", "reference"), Scheme())
]


@pytest.mark.parametrize("means", [Means(256), Means(768, recompute=True)], ids=["fewer", "recomputed"])
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_what_gives_way_changes_neither_loss_nor_gradients(load_tiny, family, means):
    """Without GPT-2's dropout, which draws other numbers for other parts."""
    seen = []
    for one in (Means(768), means):
        student = load_tiny(family)
        if family == "gpt2":
            for module in student.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            student.model.config.attn_pdrop = 0.0
        course, _ = training.planned(student, LESSONS, TrainTable())
        course = replace(course, means=one, precision="fp32")
        weights = training._ready(student, TrainTable(), course)
        loss = training._accumulate(student.model, course.encoded, course)
        seen.append((loss, torch.stack([gradient.norm() for gradient in weights.gradients()])))
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-5)
    torch.testing.assert_close(seen[0][1], seen[1][1], rtol=1e-3, atol=1e-5)
