"""The mean of the last weights: what it is, who sees it, and that a killed training ends with the same."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from doubles import PROBLEMS

from socli import recipe as recipes
from socli import rehearsal, scheme
from socli.distill import distill
from socli.engine import checkpoint, lora, memory, training
from socli.engine.average import Mean, first_of
from socli.engine.memory import Means
from socli.engine.student import load
from socli.errors import RecipeError
from socli.events import Checkpointed, Evaluated, Trained
from socli.problem import Trace
from socli.scheme import Scheme
from socli.tables import TrainTable

TRACES = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in PROBLEMS]
LESSONS = [lesson for p, t in TRACES for lesson in scheme.lessons(p, t, Scheme())]
PLAIN = TrainTable(epochs=3, batch=2, lr=0.01, checkpoint_minutes=1e-9)
"""Six steps, a checkpoint after each but the last."""
LAST_THREE = PLAIN.model_copy(update={"average": 0.5})
RECIPE = recipes.parse(
    {
        "problems": {"train": "mine.jsonl"},
        "student": {"base": "tiny"},
        "train": {"epochs": 4, "batch": 3, "lr": 0.02, "dev": 1, "dev_times": 1, "average": 0.5},
        "bench": {"max_tokens": 8},
    },
    "mine.toml",
)
"""Four steps, of which the last two are averaged."""

Named = dict[str, torch.Tensor]


def now(student) -> Named:
    return {name: weight.detach().clone() for name, weight in student.model.named_parameters()}


def same(one: Named, other: Named) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def by_hand(seen: list[Named]) -> Named:
    """The mean, in double precision."""
    return {name: torch.stack([one[name].double() for one in seen]).mean(0).float() for name in seen[0]}


def close(one: Named, other: Named) -> bool:
    return all(torch.allclose(one[name], other[name], rtol=1e-5, atol=1e-7) for name in one | other)


def learn(student, folder: Path, settings: TrainTable, kill_after: int = 99, evaluate=None):
    """The weights after each step while it learns, until it is killed after the checkpoint of a step."""
    seen: dict[int, Named] = {}
    for event in training.train(student, LESSONS, settings, folder, "run", evaluate=evaluate):
        if isinstance(event, Trained):
            seen[event.step] = now(student)
        if isinstance(event, Checkpointed) and event.step == kill_after:
            break
    return seen


@pytest.fixture(scope="module")
def uninterrupted(load_tiny, tmp_path_factory):
    """The weights after each step of `LAST_THREE` without a break, and those it ended with."""
    student = load_tiny("gpt2")  # whose dropout draws random numbers
    seen = learn(student, tmp_path_factory.mktemp("whole"), LAST_THREE)
    return seen, now(student)


# ---- what it is


@pytest.mark.parametrize(
    ("total", "share", "first"), [(100, 0.25, 76), (6, 0.5, 4), (6, 1.0, 1), (3, 0.01, 3), (1, 1.0, 1)]
)
def test_the_last_share_of_the_steps_counts_and_always_the_last_step(total, share, first):
    assert first_of(total, share) == first


def test_the_student_ends_as_the_mean_of_its_last_weights(uninterrupted):
    seen, ended = uninterrupted
    assert close(ended, by_hand([seen[4], seen[5], seen[6]]))
    assert not close(ended, seen[6])
    assert not close(ended, by_hand([seen[3], seen[4], seen[5], seen[6]]))


def test_the_weights_learn_as_they_do_without_a_mean_and_without_one_nothing_is_kept(
    uninterrupted, load_tiny, tmp_path
):
    student = load_tiny("gpt2")
    seen = learn(student, tmp_path / "run", PLAIN)
    assert all(same(seen[step], uninterrupted[0][step]) for step in range(1, 7))
    assert same(now(student), seen[6])
    assert not list((tmp_path / "run").rglob(checkpoint.AVERAGE))
    course, _ = training.planned(student, LESSONS, PLAIN)
    assert training._ready(student, PLAIN, course).mean is None


@pytest.mark.skipif(not lora.installed(), reason="peft is not here")
@pytest.mark.filterwarnings("ignore")  # peft's own
def test_of_adapters_the_adapters_alone_are_averaged(load_tiny, tmp_path):
    student = load_tiny()
    before = now(student)
    seen = learn(student, tmp_path, LAST_THREE.model_copy(update={"lora_rank": 2}), kill_after=5)
    kept = checkpoint.load_file(tmp_path / "step-5" / checkpoint.AVERAGE)
    assert kept
    assert all(".lora_" in name for name in kept)
    assert close(kept, by_hand([{name: seen[step][name] for name in kept} for step in (4, 5)]))
    assert all(torch.equal(seen[5][name.replace(".weight", ".base_layer.weight")], weight)
               for name, weight in before.items() if "q_proj" in name)  # fmt: skip


# ---- going on


@pytest.mark.parametrize("killed_after", [2, 4, 5])
def test_t2_a_training_killed_before_or_inside_the_mean_ends_as_if_it_had_not_been(
    killed_after, uninterrupted, load_tiny, tmp_path
):
    learn(load_tiny("gpt2"), tmp_path, LAST_THREE, kill_after=killed_after)
    assert (tmp_path / f"step-{killed_after}" / checkpoint.AVERAGE).exists() is (killed_after > 3)
    again = load_tiny("gpt2")
    assert sorted(learn(again, tmp_path, LAST_THREE)) == list(range(killed_after + 1, 7))
    assert same(now(again), uninterrupted[1])


def test_a_damaged_mean_is_passed_over_as_any_damaged_file_is(uninterrupted, load_tiny, tmp_path):
    learn(load_tiny("gpt2"), tmp_path, LAST_THREE, kill_after=5)
    (tmp_path / "step-5" / checkpoint.AVERAGE).unlink()
    again = load_tiny("gpt2")
    assert sorted(learn(again, tmp_path, LAST_THREE)) == [5, 6]
    assert same(now(again), uninterrupted[1])


def test_a_checkpoint_of_an_older_version_is_gone_on_with(load_tiny, tmp_path):
    """It has the files and facts it had before there were means."""
    learn(load_tiny("gpt2"), tmp_path, PLAIN, kill_after=3)
    folder = tmp_path / "step-3"
    assert sorted(path.name for path in folder.iterdir()) == [
        "facts.json", "manifest.json", "optimizer.safetensors", "random.safetensors", "weights.safetensors",
    ]  # fmt: skip
    assert sorted(json.loads((folder / "facts.json").read_text())) == ["lessons", "step"]
    assert sorted(learn(load_tiny("gpt2"), tmp_path, PLAIN)) == [4, 5, 6]


def test_a_training_with_another_share_does_not_go_on_with_this_one(load_tiny, tmp_path):
    learn(load_tiny("gpt2"), tmp_path, LAST_THREE, kill_after=5)
    for other in (PLAIN, PLAIN.model_copy(update={"average": 0.25})):
        folder = tmp_path / "copy"
        shutil.copytree(tmp_path / "step-5", folder / "step-5")
        assert sorted(learn(load_tiny("gpt2"), folder, other, kill_after=1)) == [1]
        shutil.rmtree(folder)


# ---- who sees it


def test_whoever_tries_the_student_sees_the_mean_so_far_and_training_goes_on_from_the_live_weights(
    uninterrupted, load_tiny, tmp_path
):
    student, tried = load_tiny("gpt2"), {}

    def evaluate(step: int) -> Evaluated:
        tried[step] = now(student)
        return Evaluated("student", step, 0, 1, best=False)

    settings = LAST_THREE.model_copy(update={"dev_times": 6})
    seen = learn(student, tmp_path, settings, evaluate=evaluate)
    assert all(same(seen[step], uninterrupted[0][step]) for step in range(1, 7))
    assert all(same(tried[step], seen[step]) for step in (1, 2, 3, 4))
    assert close(tried[5], by_hand([seen[4], seen[5]]))
    assert same(tried[6], now(student))
    assert same(tried[6], uninterrupted[1])


def test_the_live_weights_are_back_where_trying_the_student_fails(load_tiny):
    student = load_tiny()
    named = dict(student.model.named_parameters())
    mean = Mean(1)
    mean.take(1, named)
    for weight in named.values():
        weight.data.add_(1)
    live = now(student)
    seen = []

    def tried() -> None:
        seen.append(now(student))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mean.lent(named):
        tried()
    assert not same(seen[0], live)
    assert same(now(student), live)


def test_a_run_saves_the_mean_that_its_last_rehearsal_measured(store, student_folders, load_tiny, tmp_path):
    events = list(distill("mine", RECIPE, TRACES, student_folders["llama"], store))
    assert [(event.step, event.best) for event in events if isinstance(event, Evaluated)] == [(4, True)]
    learnt, dev = rehearsal.carved(TRACES, RECIPE)
    assert (len(learnt), len(dev)) == (3, 1)
    student, seen = load_tiny(), {}
    lessons = [lesson for p, t in learnt for lesson in scheme.lessons(p, t, Scheme())]
    plain = RECIPE.train.model_copy(update={"average": 0.0})
    for event in training.train(student, lessons, plain, tmp_path, "run"):
        if isinstance(event, Trained):
            seen[event.step] = now(student)
    mean = by_hand([seen[3], seen[4]])
    saved = now(load(store.runs()[0].folder / "student", "x", "fp32", torch.device("cpu")))

    def in_bf16(weights: Named) -> bool:
        return all(torch.all((saved[n] - w).abs() <= w.abs() / 250 + 1e-6) for n, w in weights.items())

    assert in_bf16(mean)
    assert not in_bf16(seen[4])


# ---- what it costs, and what is refused


def test_memory_is_counted_for_the_mean_of_what_is_learnt(tiny_student):
    for means in (Means(256), Means(256, rank=2)):
        learnt = memory.needed(tiny_student.model, replace(means, mean=True), 200)
        more = learnt - memory.needed(tiny_student.model, means, 200)
        numbers = 4 * 2 * 2 * (32 + 96) if means.rank else tiny_student.parameters
        assert more == 4 * numbers


def test_a_mean_stays_where_memory_is_short(tiny_student):
    means, _ = memory.fitted(tiny_student.model, Means(768, mean=True), 200, 0)
    assert means == Means(256, recompute=True, rank=memory.RANK, mean=True)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("-0.1", "`train.average`: input should be greater than or equal to 0"),
        ("1.5", "`train.average`: input should be less than or equal to 1"),
        ("nan", "`train.average`: "),
        ("last", "`train.average`: input should be a valid number"),
    ],
)
def test_a_share_that_is_none_is_refused(share, said):
    with pytest.raises(RecipeError) as caught:
        recipes.load("quickstart", [f"train.average={share}"])
    assert said in str(caught.value)
