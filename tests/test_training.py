"""The loop, its checkpoints, and the proof that it learns: four problems by heart, for every scheme."""

import json
import re
import resource
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from doubles import PROBLEMS

from socli import scheme, solve
from socli.engine import attention, batches, checkpoint, training
from socli.engine.decode import Writer
from socli.errors import SocliError, StorageError, UsageError
from socli.events import Checkpointed, DistillBegan, Noted, Trained
from socli.problem import Trace
from socli.scheme import Lesson, Scheme, Span
from socli.tables import TrainTable

TRACES = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in PROBLEMS]
BY_HEART = TrainTable(epochs=45, batch=4, lr=0.02)
SHORT = TrainTable(epochs=3, batch=2, lr=0.01, checkpoint_minutes=1e-9)
"""Six steps, a checkpoint after each but the last."""

SCHEMES = [
    Scheme("answer"),
    Scheme("cot"),
    Scheme("socratic"),
    Scheme("socratic", sub_answers=False),
    Scheme("socratic", "split"),
    Scheme("socratic", "split", sub_answers=False),
    Scheme("socratic", decomposer="planned"),
    Scheme("socratic", "split", decomposer="planned"),
    Scheme("socratic", guide="count"),
    Scheme("socratic", "split", decomposer="planned", guide="equations"),
    Scheme("socratic", "split", guide="operators"),
    Scheme("cot", work="equations"),
    Scheme("socratic", "split", work="equations"),
]


def lessons(form: Scheme, role: str = "student") -> list[Lesson]:
    return [lesson for p, t in TRACES for lesson in scheme.lessons(p, t, form) if lesson.role == role]


def weights(student) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in student.model.named_parameters()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return all(torch.equal(one[name], other[name]) for name in one | other)


@pytest.fixture
def learn(load_tiny, tmp_path):
    """Trains a fresh student in a folder of the test; stops after so many steps as if it were killed."""

    def learnt(kill_after: int | None = None, settings=SHORT):
        student = load_tiny("gpt2")  # whose dropout draws random numbers
        events = []
        for event in training.train(student, lessons(Scheme()), settings, tmp_path / "run", "run"):
            events.append(event)
            done = sum(isinstance(event, Trained) for event in events)
            if kill_after is not None and done == kill_after and isinstance(event, Checkpointed):
                break
        return student, events

    return learnt


@pytest.fixture(scope="module")
def uninterrupted(load_tiny, tmp_path_factory):
    """Weights and losses after `SHORT` without a break."""
    student = load_tiny("gpt2")
    events = list(
        training.train(student, lessons(Scheme()), SHORT, tmp_path_factory.mktemp("uninterrupted"), "run")
    )
    return weights(student), {event.step: event.loss for event in events if isinstance(event, Trained)}


# ---- it learns


@pytest.mark.parametrize("form", SCHEMES, ids=str)
def test_four_problems_are_learnt_by_heart_and_then_solved(load_tiny, tmp_path, form):
    writers = {}
    for role in scheme.roles(form):
        student = load_tiny()
        *_, last = training.train(student, lessons(form, role), BY_HEART, tmp_path / role, "run")
        assert last.loss < 0.05
        writers[role] = Writer(student, calculator=role != "decomposer")
    who = solve.Solvers(
        "run",
        form,
        writers.get("student") or writers["solver"],
        writers.get("decomposer"),
        planner=writers.get("planner"),
    )
    solved = [event for event in solve.solve(PROBLEMS, who, 300) if isinstance(event, solve.Solved)]
    assert len(solved) == 4
    for event in solved:
        assert event.prediction.text.strip() == scheme.write(event.problem.steps, event.problem.gold, form)
        assert (event.prediction.correct, event.prediction.finish_reason) == (True, "answered")


@pytest.mark.parametrize("family", ["gpt2", "qwen2"])
def test_other_families_learn_too(load_tiny, tmp_path, family):
    student = load_tiny(family)
    settings = TrainTable(epochs=40, batch=4, lr=0.02)
    losses = [
        event.loss
        for event in training.train(student, lessons(Scheme("answer")), settings, tmp_path, "run")
        if isinstance(event, Trained)
    ]
    assert losses[0] > 5
    assert losses[-1] < 0.1


# ---- the loss


def test_the_loss_is_the_mean_over_target_tokens_alone(tiny_student):
    """Against the definition: every prefix run through the model on its own, no batch, no filling."""
    form = Scheme("socratic", "split")
    rows = batches.encode(tiny_student, lessons(form, "solver"))
    losses = []
    for row in rows:
        logits = tiny_student.model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        losses += [-logits[at - 1, row.ids[at]].item() for at in range(len(row.ids)) if row.learnt[at]]
    parts = [batches.rectangle(some, torch.device("cpu")) for some in batches.split(rows)]
    with torch.no_grad():
        summed = sum(training.loss_of(tiny_student.model, part, "fp32").item() for part in parts)
    assert sum(len(part.targets) for part in parts) == len(losses)
    assert summed / len(losses) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_what_is_only_read_gets_no_gradient_of_its_own(tiny_student):
    """Two lessons whose prompts differ after the target was learnt give the same loss."""

    def loss(after: str) -> float:
        spans = (Span("Problem: x\n", learnt=False), Span("6", learnt=True), Span(after, learnt=False))
        (row,) = batches.encode(tiny_student, [Lesson("student", "id", spans)])
        cut = batches.Encoded(row.ids[:-1], row.learnt[:-1])  # the end token would see what was read
        part = batches.rectangle([cut], torch.device("cpu"))
        return training.loss_of(tiny_student.model, part, "fp32").item()

    assert loss("aaaa") == loss("bbbb")


def test_a_step_in_several_rectangles_has_the_gradient_of_one(load_tiny):
    one, other = load_tiny(), load_tiny()
    rows = batches.encode(one, lessons(Scheme()))
    course, _ = training.planned(one, lessons(Scheme()), SHORT)
    training._accumulate(one.model, rows, replace(course, precision="fp32"))
    targets = sum(sum(row.learnt) for row in rows)
    for row in rows:
        part = batches.rectangle([row], other.device)
        (training.loss_of(other.model, part, "fp32") / targets).backward()
    for name, weight in one.model.named_parameters():
        expected = dict(other.model.named_parameters())[name].grad
        assert torch.allclose(weight.grad, expected, rtol=1e-3, atol=1e-5)


# ---- the rate


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    rates = [training.warm_then_cosine(step, 10, 0.2) for step in range(1, 11)]
    assert rates[:2] == [0.5, 1.0]
    assert rates[5] == pytest.approx(0.55)  # half way between the peak and a tenth of it
    assert rates[-1] == pytest.approx(0.1)
    assert rates[1:] == sorted(rates[1:], reverse=True)


@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("total", [1, 2, 7])
def test_no_step_has_a_rate_of_nothing_or_above_the_peak(warmup, total):
    assert all(0 < training.warm_then_cosine(step, total, warmup) <= 1 for step in range(1, total + 1))


# ---- what is told


def test_a_training_tells_where_it_begins_and_every_step(learn, tmp_path):
    student, events = learn(settings=TrainTable(epochs=2, batch=3, lr=0.01))
    began, *steps = events
    assert isinstance(began, DistillBegan)
    assert (began.run, began.role, began.lessons, began.steps, began.step) == ("run", "student", 4, 4, 0)
    assert began.parameters == student.parameters
    assert began.tokens == sum(len(row.ids) for row in batches.encode(student, lessons(Scheme())))
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert steps[-1].seconds_left == 0
    assert all(event.seconds_left > 0 for event in steps[:-1])
    assert steps[0].lr == 0.01
    assert not (tmp_path / "run").exists()  # too short for a checkpoint


# ---- T2: killed and gone on with


@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_t2_a_killed_training_ends_as_if_it_had_not_been(learn, uninterrupted, killed_after):
    learn(kill_after=killed_after)
    again, events = learn()
    assert events[0].step == killed_after
    assert [e.step for e in events if isinstance(e, Trained)] == list(range(killed_after + 1, 7))
    expected, losses = uninterrupted
    assert same(weights(again), expected)
    assert {e.step: e.loss for e in events if isinstance(e, Trained)}.items() <= losses.items()


def test_the_time_left_of_a_continued_training_is_that_of_what_is_left(learn):
    learn(kill_after=5)
    _, events = learn()
    assert [e.seconds_left for e in events if isinstance(e, Trained)] == [0]


def damage_weights(path: Path) -> None:
    with (path / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")


def damage_manifest(path: Path) -> None:
    (path / "manifest.json").write_text('{"weights.safetensors": [1')


def lose_a_file(path: Path) -> None:
    (path / "optimizer.safetensors").unlink()


def lose_the_manifest(path: Path) -> None:
    (path / "manifest.json").unlink()


def cut_a_file(path: Path) -> None:
    file = path / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_weights, "weights.safetensors is damaged"),
        (damage_manifest, "manifest.json cannot be read (JSONDecodeError)"),
        (lose_a_file, "optimizer.safetensors is missing"),
        (lose_the_manifest, "manifest.json is missing"),
        (cut_a_file, "optimizer.safetensors is damaged"),
    ],
)
def test_t2_a_damaged_checkpoint_is_passed_over_which_is_said_and_the_one_before_it_taken(
    learn, uninterrupted, tmp_path, damage, said
):
    learn(kill_after=4)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["step-3", "step-4"]
    damage(tmp_path / "run" / "step-4")
    again, events = learn()
    assert events[0] == Noted(f"the checkpoint of step 4 is passed over: {said}")
    assert events[1].step == 3
    assert same(weights(again), uninterrupted[0])


def test_t2_what_a_killed_process_left_half_written_is_no_checkpoint(learn, tmp_path):
    learn(kill_after=2)
    shutil.copytree(tmp_path / "run" / "step-2", tmp_path / "run" / "step-3.partial")
    (tmp_path / "run" / "step-3.partial" / "manifest.json").unlink()
    (tmp_path / "run" / "step-x").mkdir()
    _, events = learn()
    assert events[0].step == 2


def test_a_damaged_later_checkpoint_does_not_push_out_a_good_one(learn, tmp_path):
    learn(kill_after=2)
    for step in (90, 91, 92):
        shutil.copytree(tmp_path / "run" / "step-2", tmp_path / "run" / f"step-{step}")
        lose_a_file(tmp_path / "run" / f"step-{step}")
    learn(kill_after=1)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["step-2", "step-3"]


def test_a_checkpoint_of_other_lessons_is_not_gone_on_with(learn, load_tiny, tmp_path):
    learn(kill_after=4)
    fewer = training.train(load_tiny("gpt2"), lessons(Scheme())[:2], SHORT, tmp_path / "run", "run")
    notes = [next(fewer).text for _ in range(2)]
    assert notes == [f"the checkpoint of step {n} is passed over: it is of other lessons" for n in (4, 3)]
    assert next(fewer).step == 0


def test_a_checkpoint_holds_tensors_and_plain_json_and_nothing_that_could_run(learn, tmp_path):
    learn(kill_after=2)
    folder = tmp_path / "run" / "step-2"
    assert sorted(path.name for path in folder.iterdir()) == [
        "facts.json", "manifest.json", "optimizer.safetensors", "random.safetensors", "weights.safetensors",
    ]  # fmt: skip
    assert json.loads((folder / "facts.json").read_text())["step"] == 2
    for path in folder.glob("*.safetensors"):
        size = int.from_bytes(path.read_bytes()[:8], "little")
        assert set(json.loads(path.read_bytes()[8 : 8 + size]))


def test_a_checkpoint_that_cannot_be_written_says_so_and_leaves_none(learn, tmp_path):
    (tmp_path / "run").write_text("a file where a folder should be")
    with pytest.raises(SocliError, match="the checkpoint of step 1 could not be written") as caught:
        learn()
    assert caught.value.exit_code == 74


@contextmanager
def full_disk(most: int):
    """No file may become longer than `most` bytes inside the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_t13_a_full_disk_ends_a_training_with_a_sentence_and_a_checkpoint_to_go_on_from(
    learn, uninterrupted, tmp_path
):
    learn(kill_after=2)
    with full_disk(60_000), pytest.raises(StorageError) as caught:  # the weights alone are longer
        learn()
    assert str(caught.value).startswith("the checkpoint of step 3 could not be written: ")
    assert caught.value.exit_code == 74
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["step-1", "step-2"]
    again, events = learn()  # space was freed
    assert events[0].step == 2
    assert same(weights(again), uninterrupted[0])


def test_stopping_saves_the_step_under_way_first(load_tiny, tmp_path):
    settings = TrainTable(epochs=3, batch=2, lr=0.01)
    events = []
    asked = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt):
        events.extend(
            training.train(load_tiny(), lessons(Scheme()), settings, tmp_path, "run", lambda: next(asked))
        )
    assert [type(event).__name__ for event in events] == ["DistillBegan", *["Trained"] * 3, "Checkpointed"]
    assert events[-1] == Checkpointed("student", 3)
    assert [path.name for path in tmp_path.iterdir()] == ["step-3"]


def test_stopping_at_the_last_step_loses_nothing(load_tiny, tmp_path):
    settings = TrainTable(epochs=1, batch=4, lr=0.01)
    events = [
        *training.train(load_tiny(), lessons(Scheme()), settings, tmp_path / "run", "run", lambda: True)
    ]
    assert isinstance(events[-1], Trained)


# ---- what cannot be trained


def test_a_loss_that_is_not_a_number_stops_with_a_sentence(load_tiny, tmp_path):
    student = load_tiny()
    with torch.no_grad():
        next(student.model.parameters())[:] = torch.nan
    with pytest.raises(training.Diverged) as caught:
        list(training.train(student, lessons(Scheme()), SHORT, tmp_path, "run"))
    assert str(caught.value) == (
        "the loss of step 1 or its gradient is not a number; there is no checkpoint before it"
    )
    assert caught.value.hint == "try a smaller rate: --set train.lr=1e-4"
    assert caught.value.exit_code == 1
    assert not list(tmp_path.iterdir())


def test_a_rate_that_is_far_too_high_is_noticed_before_a_broken_checkpoint_is_written(load_tiny, tmp_path):
    wild = TrainTable(epochs=200, batch=4, lr=1e30, warmup=0.0, checkpoint_minutes=1e-9)
    with pytest.raises(training.Diverged, match="the last good checkpoint is"):
        list(training.train(load_tiny(), lessons(Scheme()), wild, tmp_path, "run"))


def test_lessons_that_all_lie_beyond_the_positions_are_refused(tiny_student, tmp_path):
    far = Lesson("student", "id", (Span("word " * 900, learnt=False), Span("6", learnt=True)))
    with pytest.raises(UsageError, match="no lesson fits into the 512 tokens the student can attend to"):
        next(training.train(tiny_student, [far], SHORT, tmp_path, "run"))


def test_checkpoints_are_found_by_number_and_not_by_letter(tmp_path):
    for step in (2, 10, 9):
        (tmp_path / f"step-{step}").mkdir()
    assert [path.name for path in checkpoint._all(tmp_path)] == ["step-2", "step-9", "step-10"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_t2_a_killed_training_goes_on_on_a_gpu(student_folders, tmp_path):
    from socli.engine.student import load

    for killed in (True, False):
        student = load(student_folders["llama"], "tiny", "fp32", torch.device("cuda"))
        steps = []
        for event in training.train(student, lessons(Scheme()), SHORT, tmp_path, "run"):
            steps += [event.step] if isinstance(event, Trained) else []
            if killed and isinstance(event, Checkpointed) and event.step == 3:
                break
        assert steps == ([1, 2, 3] if killed else [4, 5, 6])


def test_no_pickle_is_written_and_none_is_read():
    """T22: the word of the source, since one call is enough."""
    source = "".join(path.read_text() for path in Path(training.__file__).parent.rglob("*.py"))
    assert not re.search(r"torch\.load\b|import pickle|from pickle|torch\.save\b|weights_only", source)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_attention_for_training_on_a_cpu_gives_the_loss_and_gradients_of_torchs_own(family, load_tiny):
    student = load_tiny(family)
    part = batches.rectangle(batches.encode(student, lessons(Scheme())), student.device)
    seen = []
    for implementation in ("sdpa", attention.CAUSAL):
        with attention.named(student.model, implementation):
            student.model.zero_grad()
            loss = training.loss_of(student.model, part, "fp32")
            loss.backward()
        norms = [weight.grad.norm() for weight in student.model.parameters() if weight.grad is not None]
        seen.append((loss.detach(), torch.stack(norms)))
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-4, atol=1e-5)
