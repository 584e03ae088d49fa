"""Problems that are kept out of training: which they are, and what each role is measured by."""

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli import recipe as recipes
from socli import rehearsal
from socli.distill import distill
from socli.events import DistillBegan, Evaluated, Trained
from socli.problem import Prediction, Trace
from socli.rehearsal import Reference, Rehearsals
from socli.scheme import Scheme
from socli.solve import Solved, Solvers, solve

TRACES = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in PROBLEMS]
RECIPE = recipes.parse(
    {
        "problems": {"train": "mine.jsonl"},
        "student": {"base": "tiny"},
        "train": {"epochs": 20, "batch": 3, "lr": 0.02, "dev": 1, "dev_times": 3},
        "bench": {"max_tokens": 60},
    },
    "mine.toml",
)
SPLIT = Scheme("socratic", "split")


def with_dev(count: int, seed: int = 1) -> recipes.Recipe:
    table = RECIPE.train.model_copy(update={"dev": count, "seed": seed})
    return RECIPE.model_copy(update={"train": table})


# ---- which problems


def test_dev_problems_are_not_learnt_from_and_none_is_lost():
    for count in range(5):
        learnt, dev = rehearsal.carved(TRACES, with_dev(count))
        assert len(dev) == min(count, 3)  # one is left to learn from
        assert sorted(p.id for p, _ in [*learnt, *dev]) == sorted(p.id for p in PROBLEMS)


def test_every_trace_of_a_dev_problem_is_taken_out():
    twice = [*TRACES, *((p, Trace(p.id, p.steps, "other", "reference", sample=1)) for p in PROBLEMS)]
    learnt, dev = rehearsal.carved(twice, with_dev(2))
    assert (len(learnt), len(dev)) == (4, 2)
    assert not {p.id for p, _ in learnt} & {p.id for p, _ in dev}


def test_the_same_problems_are_drawn_whatever_the_order_and_others_with_another_seed():
    drawn = [p.id for p, _ in rehearsal.carved(TRACES, with_dev(2))[1]]
    assert [p.id for p, _ in rehearsal.carved(TRACES[::-1], with_dev(2))[1]] == drawn
    others = {tuple(p.id for p, _ in rehearsal.carved(TRACES, with_dev(2, seed))[1]) for seed in range(9)}
    assert len(others) > 1


# ---- the other role, from the reference


def asks(problem):
    return [f"Ask: {step.question}\n" for step in problem.steps]


def works(problem):
    return [f" {step.text}\n" for step in problem.steps]


def outcome(who, problem) -> Prediction:
    return next(e.prediction for e in solve([problem], who, 200) if isinstance(e, Solved))


def test_a_solver_reads_the_references_questions():
    problem = PROBLEMS[0]
    solver = ScriptedWriter({"Nora": [*works(problem), " 40"]})
    said = outcome(Solvers("x", SPLIT, solver, Reference([asks(problem)], ["40"])), problem)
    assert [step.question for step in said.steps] == [step.question for step in problem.steps]
    assert rehearsal.is_right("solver", said, TRACES[0][1])


@pytest.mark.parametrize(("asked", "right"), [(2, True), (1, False), (3, False)])
def test_a_decomposer_is_right_with_as_many_questions_as_the_reference(asked, right):
    problem = PROBLEMS[0]
    questions = [*asks(problem), "Ask: And now?\n"][:asked]
    decomposer = ScriptedWriter({"Nora": [*questions, ""]})
    said = outcome(Solvers("x", SPLIT, Reference([works(problem)], ["40"]), decomposer), problem)
    assert rehearsal.is_right("decomposer", said, TRACES[0][1]) is right


# ---- in a run


def test_a_run_keeps_its_best_weights_and_its_last(store, student_folders, load_tiny):
    events = list(distill("mine", RECIPE, TRACES, student_folders["llama"], store))
    (began,) = [event for event in events if isinstance(event, DistillBegan)]
    tried = [event for event in events if isinstance(event, Evaluated)]
    assert began.lessons == 3
    assert [event.step for event in tried] == [7, 13, 20]
    assert tried[0].best
    assert all(event.problems == 1 for event in tried)
    (run,) = store.runs()
    rows = store.metrics(run.id)
    assert {row.step: row.accuracy for row in rows if row.accuracy is not None} == {
        event.step: float(event.right) for event in tried
    }
    best = max(tried, key=lambda event: (event.right, -event.step))
    folders = {path.name for path in run.folder.iterdir() if path.is_dir()}
    assert folders == ({"student"} if best.step == 20 else {"student", "student-last"})
    assert [event.step for event in events if isinstance(event, Trained)] == list(range(1, 21))


@pytest.mark.parametrize("role", ["decomposer", "solver"])
def test_each_role_of_a_pair_is_tried(role, store, student_folders, load_tiny):
    pair = RECIPE.model_copy(
        update={
            "scheme": recipes.SchemeTable(roles="split"),
            "train": recipes.TrainTable(epochs=1, batch=3, dev=1, dev_times=1),
        }
    )
    events = list(distill("mine", pair, TRACES, student_folders["gpt2"], store))
    assert [(e.role, e.step, e.best) for e in events if isinstance(e, Evaluated) and e.role == role] == [
        (role, 1, True)
    ]


def test_the_best_weights_of_a_training_that_began_anew_are_not_kept(tmp_path, load_tiny):
    for name in ("best-2-0", "best-4-9"):  # of other lessons: that many would never be right again
        (tmp_path / name).mkdir()
    saved = []

    def save(_, folder):
        folder.mkdir()
        saved.append(folder.name)

    rehearsals = Rehearsals(load_tiny("gpt2"), "student", TRACES[:1], RECIPE, tmp_path, save)
    assert rehearsals.at(2).best
    assert [path.name for path in tmp_path.iterdir()] == saved == ["best-2-0"]
    assert not rehearsals.at(3).best
    assert rehearsals.better_than_last().name == "best-2-0"
