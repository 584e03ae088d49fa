"""A Run from kept traces to saved students, whatever comes in between."""

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from doubles import PROBLEMS
from filelock import FileLock
from test_runbook import PLAN

from socli import distill as distilling
from socli import recipe as recipes
from socli import scheme, solvers
from socli.annotate import annotate
from socli.check import outdated
from socli.distill import distill, distill_queue
from socli.engine import batches, training
from socli.engine.student import load, tokens
from socli.errors import MissingError, StorageError, TryAgainError, UsageError
from socli.events import Checkpointed, DistillBegan, Noted, Saved, Solved, Trained
from socli.planning import learnt
from socli.problem import Trace
from socli.records import MetricRow, TraceRow
from socli.solve import solve
from socli.store import Store
from socli.tables import SchemeTable, TrainTable

SOLO = recipes.parse(
    {
        "problems": {"train": "mine.jsonl"},
        "student": {"base": "tiny"},
        "train": {"epochs": 3, "batch": 2, "lr": 0.01, "checkpoint_minutes": 1e-9},
    },
    "solo.toml",
)
PAIR = SOLO.model_copy(update={"scheme": SchemeTable(roles="split")})
BY_HEART = SOLO.model_copy(update={"train": TrainTable(epochs=45, batch=4, lr=0.02)})


def annotated(store: Store, recipe: recipes.Recipe):
    """The kept traces of the four problems."""
    form = recipe.to_scheme()
    list(annotate(PROBLEMS, "mine.jsonl", recipe.teacher, form, store))
    return learnt(store, recipe, ["reference"])[0]


def train(store: Store, base: Path, recipe: recipes.Recipe = SOLO, name: str = "mine", stop_asked=None):
    """The events of one `distill`; lazy, so that it can be broken off."""
    stop = {"stop_asked": stop_asked} if stop_asked else {}
    return distill(name, recipe, annotated(store, recipe), base, store, **stop)


@pytest.fixture
def base(load_tiny, student_folders) -> Path:
    """The folder of a GPT-2, whose dropout draws random numbers; one thread."""
    return student_folders["gpt2"]


# ---- what is learnt from


def test_all_samples_of_a_problem_are_learnt_and_no_words_twice(store):
    store.add_problems("mine.jsonl", PROBLEMS)

    def add(word: str, **asked):
        steps = (replace(PROBLEMS[0].steps[0], text=word), *PROBLEMS[0].steps[1:])
        told = Trace(PROBLEMS[0].id, steps, "40", **({"teacher": "m", "temperature": 0.7} | asked))
        store.add_traces([TraceRow(told, "kept")])

    add("so", prompt_hash="older")
    add("so", prompt_hash="new", sample=0)
    add("thus", prompt_hash="new", sample=1)
    add("so", prompt_hash="new", sample=2)
    traces, _ = learnt(store, SOLO, ["m"])
    assert [(trace.prompt_hash, trace.sample, trace.steps[0].text) for _, trace in traces] == [
        ("new", 0, "so"),
        ("new", 1, "thus"),
    ]


def test_a_trace_of_an_answer_that_was_corrected_is_not_learnt(store):
    store.add_problems("mine.jsonl", PROBLEMS)
    rows = [Trace(p.id, p.steps, p.gold, "m") for p in PROBLEMS]
    store.add_traces([TraceRow(trace, "kept") for trace in rows])
    store.add_problems("mine.jsonl", [replace(PROBLEMS[0], gold="41"), replace(PROBLEMS[1], gold=None)])
    traces, said = learnt(store, SOLO, ["m"])
    assert said == ["left out 1 kept traces: the answers of their problems were corrected since"]
    assert [problem.id for problem, _ in traces] == [p.id for p in PROBLEMS[1:]]
    assert [outdated(*pair) for pair in store.kept("mine.jsonl")] == [True, False, False, False]


# ---- a run


def test_a_run_from_before_a_key_was_there_is_the_same_run(store):
    plan = replace(PLAN, recipe={"name": "mine", **json.loads(recipes.dump(SOLO))})
    older = json.loads(json.dumps(plan.recipe))
    del older["size"], older["sizes"], older["scheme"]["facts"]
    begun = store.start_run(replace(plan, recipe=older))
    assert store.find_run(plan) == begun
    bare = replace(plan, recipe=plan.recipe | {"scheme": plan.recipe["scheme"] | {"facts": False}})
    assert store.find_run(bare) is None
    assert store.find_run(replace(plan, recipe=plan.recipe | {"size": "small"})) is None


def test_a_run_is_written_down_with_all_that_repeats_it(store, base):
    *_, last = train(store, base)
    (run,) = store.runs()
    assert last == Saved(run.id, str(run.folder), last.seconds)
    assert (run.name, run.status, run.base, run.seed) == ("mine", "done", "tiny", 1)
    assert (run.scheme, run.roles, run.note) == ("socratic", "unified", "4 traces")
    assert run.recipe == {"name": "mine", **json.loads(recipes.dump(SOLO))}
    assert sorted(run.versions) == ["device", "socli-distill", "torch", "transformers"]
    assert run.finished >= run.created
    assert store.last_good_run() == run


def test_a_run_remembers_which_weights_it_came_from(store, base, tmp_path):
    known = tmp_path / "known"
    shutil.copytree(base, known)
    (known / "provenance.json").write_text('{"upstream": "a/b", "weights": "published", "revision": "0a1b"}')
    list(train(store, known))
    (run,) = store.runs()
    assert run.versions["base"] == "a/b, published, revision 0a1b"


def test_the_folder_of_a_run_is_a_model_that_anyone_can_load(store, base):
    list(train(store, base))
    (run,) = store.runs()
    names = {path.name for path in (run.folder / "student").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    assert json.loads((run.folder / "student" / "config.json").read_text())["dtype"] == "bfloat16"
    assert not (run.folder / "checkpoints").exists()
    before, after = load(base, "x", "bf16"), load(run.folder / "student", "x", "bf16")
    assert tokens(before, ["Ask: 3*12"]) == tokens(after, ["Ask: 3*12"])
    assert any(
        not torch.equal(one, other)
        for one, other in zip(before.model.parameters(), after.model.parameters(), strict=True)
    )


def test_every_step_is_a_row_of_metrics(store, base):
    told = [event for event in train(store, base) if isinstance(event, Trained)]
    rows = store.metrics(store.runs()[0].id)
    assert [(row.role, row.step, row.loss, row.lr) for row in rows] == [
        ("student", event.step, event.loss, event.lr) for event in told
    ]
    assert len(rows) == 6
    assert [row.seconds for row in rows] == sorted(row.seconds for row in rows)


def test_a_run_that_has_learnt_solves(store, student_folders, load_tiny):
    list(train(store, student_folders["llama"], BY_HEART))
    who = solvers.of_run(store.runs()[0], calculator=True)
    solved = [event.prediction for event in solve(PROBLEMS, who, 300) if isinstance(event, Solved)]
    assert [prediction.correct for prediction in solved] == [True] * 4


def test_two_roles_are_trained_one_after_the_other(store, base):
    events = list(train(store, base, PAIR))
    began = [(event.role, event.step, event.steps) for event in events if isinstance(event, DistillBegan)]
    assert began == [("decomposer", 0, 6), ("solver", 0, 6)]
    (run,) = store.runs()
    assert (run.roles, run.status) == ("split", "done")
    for role in ("decomposer", "solver"):
        assert (run.folder / role / "model.safetensors").is_file()
    assert not (run.folder / "student").exists()
    assert {row.role for row in store.metrics(run.id)} == {"decomposer", "solver"}


def test_the_same_command_after_the_end_is_another_run(store, base):
    list(train(store, base))
    list(train(store, base))
    one, other = store.runs()
    assert one.folder != other.folder
    for file in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (one.folder / "student" / file).read_bytes() == (other.folder / "student" / file).read_bytes()


def test_a_run_of_a_recipe_file_is_called_after_the_file(store, base):
    list(train(store, base, name="../somewhere/fractions.toml"))
    assert store.runs()[0].name == "fractions"


@pytest.mark.parametrize("name", ["../My Recipe.toml", "con.toml", f"{'x' * 65}.toml"])
def test_t20_what_cannot_be_the_name_of_a_folder_is_refused(store, base, name):
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        next(train(store, base, name=name))
    assert store.runs() == []


def test_without_traces_the_command_to_type_is_named(store, base):
    with pytest.raises(MissingError) as caught:
        next(distill("mine", SOLO, [], base, store))
    assert str(caught.value) == "there is no kept trace to learn from"
    assert caught.value.hint == "socli annotate --recipe mine"


# ---- going on


def weights(store: Store, role: str) -> bytes:
    return (store.runs()[0].folder / role / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(student_folders, load_tiny, tmp_path_factory) -> dict[str, bytes]:
    """The weights of both roles, trained without a break."""
    with Store(tmp_path_factory.mktemp("whole") / "socli.db") as store:
        list(train(store, student_folders["gpt2"], PAIR))
        return {role: weights(store, role) for role in ("decomposer", "solver")}


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from test_distill import PAIR, Checkpointed, Store, train
torch.set_num_threads(1)
for event in train(Store(Path(sys.argv[2])), Path(sys.argv[3]), PAIR):
    if isinstance(event, Checkpointed) and (event.role, event.step) == ("solver", 3):
        print("now", flush=True)
        sys.stdin.read()
"""


def test_t2_a_run_killed_in_its_second_role_goes_on_and_ends_the_same(tmp_path, base, uninterrupted):
    path = tmp_path / "socli.db"
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(path), str(base)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "now\n"
        with Store(path) as store, pytest.raises(TryAgainError) as caught:
            list(train(store, base, PAIR))  # T14: the same run in two processes
        child.kill()
    with Store(path) as store:
        (run,) = store.runs()
        assert str(caught.value) == f"run {run.id} is being trained by another process"
        assert (run.status, caught.value.exit_code) == ("started", 75)
        events = list(train(store, base, PAIR))
        assert events[0] == Noted(f"going on with run {run.id}, begun {run.created}")
        assert [(e.role, e.step) for e in events if isinstance(e, DistillBegan)] == [("solver", 3)]
        assert [e.step for e in events if isinstance(e, Trained)] == [4, 5, 6]
        assert [row.status for row in store.runs()] == ["done"]
        assert {role: weights(store, role) for role in uninterrupted} == uninterrupted
        steps = {(row.role, row.step) for row in store.metrics(run.id)}
        assert {("decomposer", 6), ("solver", 4), ("solver", 6)} <= steps


@pytest.mark.parametrize("steps", [1, 4])
def test_a_run_that_is_stopped_goes_on_and_ends_the_same(store, base, uninterrupted, steps):
    answers = iter([*[False] * (steps - 1), True])
    with pytest.raises(KeyboardInterrupt):
        list(train(store, base, PAIR, stop_asked=lambda: next(answers)))
    assert [row.step for row in store.metrics(store.runs()[0].id)] == list(range(1, steps + 1))
    list(train(store, base, PAIR))
    assert len(store.runs()) == 1
    assert {role: weights(store, role) for role in uninterrupted} == uninterrupted


def test_a_run_killed_before_its_row_was_closed_is_closed_without_training(store, base):
    list(islice(train(store, base), 1))  # begins the run
    (run,) = store.runs()
    events = train(store, base)
    assert not any(isinstance(event, Saved) for event in islice(events, 3))
    events.close()
    (run.folder / "student").mkdir()
    (run.folder / "student" / "model.safetensors").write_bytes(b"whole")
    assert [type(event) for event in train(store, base)] == [Noted, Saved]
    assert store.runs()[0].status == "done"


def test_a_run_begun_on_other_traces_begins_its_training_again(store, base):
    fewer = annotated(store, SOLO)[:2]
    for event in distill("mine", SOLO, fewer, base, store):
        if isinstance(event, Checkpointed) and event.step == 2:
            break
    events = list(train(store, base))
    assert [(e.lessons, e.step) for e in events if isinstance(e, DistillBegan)] == [(4, 0)]


def test_another_seed_or_rate_is_another_run(store, base):
    list(islice(train(store, base), 3))
    other = SOLO.model_copy(update={"train": SOLO.train.model_copy(update={"seed": 2})})
    list(islice(train(store, base, other), 3))
    assert [(run.seed, run.status) for run in store.runs()] == [(2, "started"), (1, "started")]


# ---- a queue of runs

ARMS = recipes.parse(
    {
        **SOLO.model_dump(),
        "arms": {
            "answer": {"scheme": {"name": "answer"}},
            "asks": {"scheme": {"roles": "split", "decomposer": "planned", "guide": "count"}},
        },
        "train": {**SOLO.train.model_dump(), "seeds": [5, 6]},
    },
    "arms.toml",
)
ORDER = [("answer", 5), ("asks", 5), ("answer", 6), ("asks", 6)]


def queue(store: Store, base: Path, recipe: recipes.Recipe = ARMS, **more):
    """The events of a recipe's queue."""
    return distill_queue("mine", recipe, annotated(store, SOLO), base, store, **more)


def every_weight(store: Store) -> dict[tuple[str, int, str], bytes]:
    """The weights of all runs, by arm, seed and role."""
    return {
        (run.arm, run.seed, file.parent.name): file.read_bytes()
        for run in store.runs()
        for file in run.folder.glob("*/model.safetensors")
    }


@pytest.fixture(scope="module")
def whole_queue(student_folders, load_tiny, tmp_path_factory) -> dict[tuple[str, int, str], bytes]:
    """The weights of a queue that nothing interrupted."""
    with Store(tmp_path_factory.mktemp("queue") / "socli.db") as store:
        list(queue(store, student_folders["gpt2"]))
        return every_weight(store)


def test_all_arms_of_a_seed_are_trained_before_the_next_seed(whole_queue, store, base):
    events = list(queue(store, base))
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert notes == [f"{n} of 4: arm {arm}, seed {seed}" for n, (arm, seed) in enumerate(ORDER, 1)]
    runs = list(reversed(store.runs()))
    assert [(run.arm, run.seed, run.status) for run in runs] == [(*which, "done") for which in ORDER]
    assert [event.run for event in events if isinstance(event, Saved)] == [run.id for run in runs]
    roles = {"answer": {"student"}, "asks": {"planner", "decomposer", "solver"}}
    assert set(whole_queue) == {(arm, seed, role) for arm, seed in ORDER for role in roles[arm]}
    assert len(set(whole_queue.values())) == 8  # no two students are the same
    assert len({run.traces for run in runs}) == 1


@pytest.mark.parametrize("steps", [8, 34])
def test_t2_a_queue_that_is_stopped_goes_on_and_ends_the_same(store, base, whole_queue, steps):
    answers = iter([*[False] * (steps - 1), True])
    with pytest.raises(KeyboardInterrupt):
        list(queue(store, base, stop_asked=lambda: next(answers)))
    before = [run.status for run in store.runs()]
    assert before.count("started") == 1
    events = list(queue(store, base))
    assert len(store.runs()) == 4
    assert every_weight(store) == whole_queue
    left_alone = [e.text for e in events if isinstance(e, Noted) and " is done already (" in e.text]
    assert len(left_alone) == before.count("done")


def test_what_is_done_is_left_alone_and_trained_again_where_that_is_asked(store, base, whole_queue):
    list(queue(store, base, arms=["answer"]))
    assert [(run.arm, run.seed) for run in store.runs()] == [("answer", 6), ("answer", 5)]
    ids = [run.id for run in reversed(store.runs())]
    assert list(queue(store, base, arms=["answer"])) == [
        Noted(f"run {ids[0]} is done already (1 of 2: arm answer, seed 5)"),
        Noted(f"run {ids[1]} is done already (2 of 2: arm answer, seed 6)"),
    ]
    list(queue(store, base, arms=["answer"], again=True))
    assert len(store.runs()) == 4
    assert every_weight(store) == {key: value for key, value in whole_queue.items() if key[0] == "answer"}


def test_other_traces_are_learnt_though_a_run_of_the_recipe_is_done(store, base):
    traces = annotated(store, SOLO)
    list(distill_queue("mine", SOLO, traces[:3], base, store))
    assert list(distill_queue("mine", SOLO, traces[:3], base, store)) == [
        Noted(f"run {store.runs()[0].id} is done already")
    ]
    list(distill_queue("mine", SOLO, traces, base, store))
    assert [(run.note, run.status) for run in store.runs()] == [("4 traces", "done"), ("3 traces", "done")]


def test_a_run_that_diverges_does_not_keep_the_others_from_being_trained(store, base):
    wild = {
        **SOLO.model_dump(),
        "arms": {"answer": {"scheme": {"name": "answer"}}, "asks": {}},
        "train": {"epochs": 30, "batch": 4, "lr": 1e30, "warmup": 0, "seeds": [1, 2]},
    }
    with pytest.raises(training.Diverged):
        list(queue(store, base, recipes.parse(wild, "wild.toml"), arms=["answer"]))
    assert [(run.seed, run.status) for run in store.runs()] == [(2, "failed"), (1, "failed")]


def test_a_queue_whose_run_is_in_use_is_refused(store, base):
    list(islice(queue(store, base), 2))
    (run,) = store.runs()
    with FileLock(run.folder / "lock"), pytest.raises(TryAgainError, match="trained by another process"):
        list(queue(store, base))


# ---- the budget

SPLIT = {"roles": "split", "guide": "count"}


def begun(store: Store, base: Path, budget: str, **form: str) -> list[DistillBegan]:
    """What each role begins with under a budget of 12 epochs of two steps."""
    settings = {"epochs": 12, "batch": 2, "lr": 0.001, "budget": budget}
    table = {**SOLO.model_dump(), "train": settings, "scheme": form}
    events = train(store, base, recipes.parse(table, "budget.toml"))
    return [event for event in events if isinstance(event, DistillBegan)]


def steps_of(*how, **form: str) -> dict[str, int]:
    return {event.role: event.steps for event in begun(*how, **form)}


def test_with_a_budget_of_problems_each_student_passes_over_them_as_often(store, base):
    assert steps_of(store, base, "problems") == {"student": 24}
    assert steps_of(store, base, "problems", **SPLIT) == {"planner": 24, "decomposer": 24, "solver": 24}
    assert {run.budget for run in store.runs()} == {"problems"}


def test_with_a_budget_of_steps_the_students_of_an_arm_share_them(store, base):
    assert steps_of(store, base, "steps", name="cot") == {"student": 24}
    assert steps_of(store, base, "steps", roles="split") == {"decomposer": 12, "solver": 12}
    assert steps_of(store, base, "steps", **SPLIT) == {"planner": 8, "decomposer": 8, "solver": 8}
    assert {run.budget for run in store.runs()} == {"steps"}


@pytest.mark.parametrize("form", [{}, {"name": "answer"}, {"roles": "split"}, SPLIT], ids=str)
def test_with_a_budget_of_tokens_every_arm_reads_as_many(store, base, form):
    """Within one step of 12 passes over whole transcripts for each role."""
    whole = [x for p, t in annotated(store, SOLO) for x in scheme.lessons(p, t, scheme.Scheme())]
    wanted = 12 * sum(len(row.ids) for row in batches.encode(load(base, "tiny", "fp32"), whole))
    roles = begun(store, base, "tokens", **form)
    read = sum(role.steps * role.tokens / 2 for role in roles)  # two steps are a pass
    assert abs(read - wanted) <= sum(role.tokens / 4 for role in roles)


# ---- what goes wrong


def test_t14_a_run_in_use_is_refused(store, base):
    list(islice(train(store, base), 1))
    (run,) = store.runs()
    with FileLock(run.folder / "lock"), pytest.raises(TryAgainError, match="trained by another process"):
        list(train(store, base))
    assert store.runs()[0].status == "started"


def test_a_run_that_diverged_has_failed_and_is_not_gone_on_with(store, base):
    wild = SOLO.model_copy(update={"train": TrainTable(epochs=30, batch=4, lr=1e30, warmup=0)})
    with pytest.raises(training.Diverged):
        list(train(store, base, wild))
    (run,) = store.runs()
    assert run.status == "failed"
    assert run.note.startswith("the loss of step ")
    assert store.last_good_run() is None
    assert next(train(store, base, wild)).step == 0
    assert len(store.runs()) == 2


def test_a_folder_that_cannot_be_made_is_a_sentence(store, base):
    (store.path.parent / "socli-runs").write_text("a file")
    with pytest.raises(StorageError, match="cannot make the folder"):
        list(train(store, base))


def test_t13_a_student_that_cannot_be_saved_leaves_nothing_half(load_tiny, tmp_path):
    learner = load_tiny()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the weights alone are longer
        with pytest.raises(StorageError, match=r"the student could not be saved in .*student: ") as caught:
            distilling._save(learner, tmp_path / "student")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.exit_code, [*tmp_path.iterdir()]) == (74, [])
    distilling._save(learner, tmp_path / "student")  # space was freed
    load(tmp_path / "student", "again", "fp32")


def test_t2_weights_that_were_saved_before_a_kill_are_saved_again(load_tiny, tmp_path):
    best, folder = tmp_path / "best-2-1", tmp_path / "run" / "student"
    best.mkdir()
    (best / "model.safetensors").write_text("best")
    (tmp_path / "run" / "student-last").mkdir(parents=True)
    (tmp_path / "run" / "student-last" / "model.safetensors").write_text("of the attempt before")
    distilling._save_both(load_tiny("llama"), best, folder)
    assert (folder / "model.safetensors").read_text() == "best"
    assert (tmp_path / "run" / "student-last" / "model.safetensors").stat().st_size > 1000


def test_the_seconds_of_a_training_that_goes_on_count_from_its_beginning(store):
    run = store.start_run(PLAN).id
    old = [MetricRow(run, "student", n, 1.0, 0.1, 100.0, 10.0 * n) for n in (1, 2, 3)]
    store.add_metrics([*old, MetricRow(run, "solver", 2, 1.0, 0.1, 100.0, 500.0)])
    events = [
        DistillBegan(run, "student", 4, 4, 2, 100, 1000, "cpu", "fp32"),
        Trained("student", 3, 4, 1.0, 0.1, 100.0, 1.0),
    ]
    list(distilling._written_down(iter(events), run, store))
    assert (
        20 <= store.metrics(run)[-1].seconds < 30
    )  # step 3 took place again, after the 20 seconds of step 2


def test_a_base_that_cannot_be_loaded_is_a_sentence(store, tmp_path):
    with pytest.raises(MissingError, match="cannot be loaded"):
        list(train(store, tmp_path))
    assert store.runs()[0].status == "started"


def test_an_unfinished_run_solves_nothing(store, base):
    list(islice(train(store, base), 2))
    (run,) = store.runs()
    with pytest.raises(MissingError, match=f"run {run.id} is not finished"):
        solvers.of_run(run, calculator=True)


def test_a_run_whose_weights_are_gone_or_cut_short_is_a_sentence(store, base):
    list(train(store, base))
    (run,) = store.runs()
    file = run.folder / "student" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(MissingError, match="cannot be loaded"):
        solvers.of_run(run, calculator=True)
    for path in (run.folder / "student").iterdir():
        path.unlink()
    (run.folder / "student").rmdir()
    with pytest.raises(MissingError, match=r"the weights of .* are not in"):
        solvers.of_run(run, calculator=True)
