"""Adapters learn, are merged when they are saved, and leave all other weights alone."""

import json

import pytest
import tiny
import torch
from doubles import PROBLEMS

from socli import scheme
from socli.engine import lora, student, training
from socli.errors import MissingError
from socli.events import Trained
from socli.problem import Trace
from socli.scheme import Scheme
from socli.tables import TrainTable

LESSONS = [
    lesson
    for p in PROBLEMS
    for lesson in scheme.lessons(p, Trace(p.id, p.steps, p.gold or "", "reference"), Scheme("answer"))
]
TABLE = TrainTable(epochs=15, batch=4, lr=0.02, lora_rank=4)


def test_without_adapters_the_merged_weights_are_the_models_own(tiny_student):
    state = lora.merged(tiny_student.model)
    assert state.keys() == tiny_student.model.state_dict().keys()


@pytest.mark.skipif(lora.installed(), reason="peft is here")
def test_without_peft_a_rank_is_a_sentence(tiny_student, tmp_path):
    with pytest.raises(MissingError) as caught:
        next(training.train(tiny_student, LESSONS, TABLE, tmp_path, "run"))
    assert str(caught.value) == "LoRA needs peft, which is not installed"
    assert caught.value.hint == "pip install 'socli-distill[lora]'"


@pytest.mark.filterwarnings("ignore")  # peft's own
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_adapters_learn_and_their_merged_weights_say_the_same(load_tiny, tmp_path, family):
    pytest.importorskip("peft")
    learner = load_tiny(family)
    before = {name: weight.clone() for name, weight in learner.model.state_dict().items()}
    events = training.train(learner, LESSONS, TABLE, tmp_path / "run", "run")
    losses = [event.loss for event in events if isinstance(event, Trained)]
    assert losses[-1] < losses[0] / 2
    state = lora.merged(learner.model)
    assert state.keys() == before.keys()
    moved = {name for name in state if not torch.equal(state[name].float(), before[name].float())}
    assert moved
    assert not any("norm" in name or "wte" in name or "ln_" in name for name in moved)

    student.save(learner, tmp_path / "saved")
    assert "adapter_config.json" not in [path.name for path in (tmp_path / "saved").iterdir()]
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["model_type"] == family
    again = student.load(tmp_path / "saved", "again", "fp32", torch.device("cpu"))
    ids = torch.tensor([student.tokens(learner, ["Problem: 2*3?"])[0]])
    with torch.no_grad():
        learner.model.set_attn_implementation("sdpa")
        torch.testing.assert_close(
            again.model(ids).logits, learner.model(ids).logits, rtol=0.1, atol=0.1
        )  # saved in bf16
