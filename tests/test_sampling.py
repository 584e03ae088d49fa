"""Students that solve their own problems by chance: what is kept, what is learnt, what is not drawn twice."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from doubles import PROBLEMS, ScriptedWriter, draw
from filelock import FileLock
from test_distill import BY_HEART, SOLO, annotated

from socli import recipe as recipes
from socli import rehearsal, sampling, scheme
from socli.cli import wiring
from socli.distill import distill_queue
from socli.errors import RecipeError, TryAgainError, UsageError
from socli.events import AnnotateBegan, DistillBegan, Judged, Noted, Refused, Saved, Traced, Trained
from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.sampling import asked, drawn, judged, sample, way, worth_learning
from socli.scheme import Scheme
from socli.screen.progress import counted, picture
from socli.screen.scene import Scene
from socli.solve import Solvers
from socli.store import Store
from socli.tables import BenchTable, SamplingTable, SchemeTable, TeacherTable, TrainTable
from socli.writers.pieces import Sampling

TEA = Problem("What do 2 teas at $3 cost?", "6")
CAKE = Problem("What do 3 cakes at $4 cost in all?", "12")
HOW = Sampling(0.7, 0.95, seed=5, repeats=3)
RIGHT = "Ask: How much?\nWork: It is 2*3 = $<<2*3=6>>6.\n#### 6"


def solutions(problems, *samples: str, most: int = 60, batch: int = 32):
    """What is drawn where a scripted student writes these samples of each problem."""
    who = Solvers("s", Scheme(), ScriptedWriter({"Problem": [samples]}))
    how = replace(HOW, repeats=len(samples))
    return list(drawn(problems, who, how, BenchTable(max_tokens=most, batch=batch)))


# ---- drawing


def test_solutions_come_in_the_order_of_their_chance_whichever_ends_first():
    ((problem, told),) = solutions([TEA], "It is\n#### 6", "#### 5", "It may well be\n#### 6")
    assert problem == TEA
    assert [one.text for one in told] == ["It is\n#### 6", "#### 5", "It may well be\n#### 6"]
    assert [one.correct for one in told] == [True, False, True]


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_every_problem_has_all_its_solutions_in_batches_of_any_size(batch):
    told = solutions([TEA, CAKE, TEA], "#### 6", "#### 12", batch=batch)
    assert [(problem, [one.answer for one in found]) for problem, found in told] == [
        (TEA, ["6", "12"]),
        (TEA, ["6", "12"]),
        (CAKE, ["6", "12"]),
    ]


def test_both_students_draw_each_with_its_own_chance():
    asking, solving = (ScriptedWriter({"Problem": turns}) for turns in (["Ask: How?\n", ""], [" 6.\n", " 6"]))
    who = Solvers("s", Scheme("socratic", "split"), solving, asking)
    ((_, told),) = drawn([TEA], who, HOW, BenchTable(max_tokens=60))
    assert [one.text for one in told] == ["Ask: How?\nWork: 6.\n#### 6"] * 3
    assert solving.sampling == HOW
    assert asking.sampling == replace(HOW, seed=5 + 2**32)
    assert asking.opened == [[scheme.prompt(TEA)] * 3]


def test_a_stop_gives_up_what_is_under_way():
    who = Solvers("s", Scheme(), ScriptedWriter({"Problem": [RIGHT]}))
    with pytest.raises(KeyboardInterrupt):
        next(drawn([TEA], who, HOW, BenchTable(), lambda: True))


# ---- verdicts


def test_each_solution_is_judged_as_a_teachers_reply():
    texts = (
        RIGHT,
        RIGHT.replace("$", "$ "),
        "Ask: How much?\nWork: Twice 3 is 3+3 = <<3+3=6>>6.\n#### 6",
        "Ask: How much?\nWork: It is 2*3 = <<2*3=5>>5.\n#### 6",
        "#### 5",
        "no idea",
        " ".join(["so"] * 70),
        "#### 6 ~",
        "#### 6",
    )
    ((_, told),) = solutions([TEA], *texts)
    rows = judged(TEA, told, Trace("", (), "", "run:1"), Scheme(), [])
    assert [row.reason for row in rows] == [
        "",
        f"duplicate of {rows[0].trace.id}",
        "",
        "wrong arithmetic at step 1",
        "wrong answer",
        "unreadable",
        "truncated",
        "unreadable",
        "it has no steps",
    ]
    assert [row.verdict for row in rows] == ["refused" if row.reason else "kept" for row in rows]
    assert [row.trace.sample for row in rows] == list(range(9))
    assert [row.reply for row in rows][:2] == list(texts[:2])
    assert [row.finish_reason for row in rows][4:8] == ["answered", "unreadable", "truncated", "looping"]
    assert rows[0].trace.steps == (Step("How much?", "It is 2*3 = $<<2*3=6>>6."),)
    assert [row.tokens_out for row in rows] == [one.tokens for one in told]


def test_what_was_kept_before_makes_a_duplicate_too():
    ((_, told),) = solutions([TEA], RIGHT)
    before = Trace(TEA.id, told[0].steps, "6", "run:1", sample=7)
    (row,) = judged(TEA, told, Trace("", (), "", "run:1"), Scheme(), [before])
    assert row.reason == f"duplicate of {before.id}"


# ---- what is worth learning


def trace(*works: str, problem: Problem = TEA, **more) -> Trace:
    steps = tuple(Step("How much?", work) for work in works)
    return Trace(problem.id, steps, "6", **({"teacher": "run:1"} | more))


def test_traces_go_the_same_way_where_their_equations_are_the_same():
    assert way(trace("It is $<<2 * 3=6>>6.", "So <<6=6>>.")) == ("2*3", "6")
    assert way(trace("They cost <<2*3=6>>6.")) == way(trace("It is $<< 2*$3=6>>6."))
    assert way(trace("<<3*2=6>>6")) != way(trace("<<2*3=6>>6"))
    assert way(trace("Two snails, so yes.")) != way(trace("A snail, so yes."))
    assert way(trace("Two snails, so yes.")) == way(trace("two  snails so yes"))


def test_kept_samples_that_go_another_way_are_learnt_and_no_others(store):
    store.add_problems("set", [TEA, CAKE])
    like = Trace("", (), "", "run:1", "hash", 0.7, 0.95, 5)

    def add(sample: int, *works: str, verdict="kept", problem=TEA, **more):
        told = trace(*works, problem=problem, prompt_hash="hash", temperature=0.7, top_p=0.95, seed=5)
        told = replace(told, sample=sample, **more)
        store.add_traces([TraceRow(told, verdict, "" if verdict == "kept" else "wrong answer")])
        return told

    known = [(TEA, trace("It is <<2*3=6>>6.", teacher="reference"))]
    add(0, "They cost <<2*3=6>>6.")
    other = add(1, "They cost <<3+3=6>>6.")
    add(2, "It is <<3+3=6>>6.")
    add(3, "It is <<1+5=6>>6.", verdict="refused")
    add(4, "It is <<4+2=6>>6.")  # one more than is asked for
    add(0, "It is <<5+1=6>>6.", temperature=1.0)
    add(0, "It is <<5+1=6>>6.", teacher="run:2")
    add(0, "It is <<3*4=12>>12.", problem=CAKE)
    strange = ("It is 2+4=6>>6.", "It is six.", "It is <<2*4=8>>8.", "It is <<2+2+2=6>>6 or <<2+4 = 6.")
    for number, work in enumerate(strange):
        add(number, work, teacher="run:3")
    found = worth_learning(known, [like], 4, Scheme(), "set", store)
    assert [(problem.id, told) for problem, told in found] == [(TEA.id, other)]
    two = [like, *(replace(like, teacher=f"run:{n}") for n in (2, 3))]
    assert [told.teacher for _, told in worth_learning(known, two, 4, Scheme(), "set", store)] == [
        "run:1",
        "run:2",
    ]


def test_what_a_student_drew_is_no_other_models_trace(store):
    store.add_problems("set", [TEA])
    store.add_traces(TraceRow(trace("<<2*3=6>>6", teacher=name), "kept") for name in ("run:1", "gpt"))
    others = store.kept_otherwise("set", Trace("", (), "", "m", "hash"), ["hash"])
    assert [one.teacher for one in others] == ["gpt"]
    assert wiring.teachers(store, TeacherTable(model="m", reuse=True)) == ["m", "gpt"]


# ---- on the screen


def test_the_screen_shows_how_far_drawing_is_and_how_much_is_kept():
    began = DistillBegan("1a", "student", 4, 6, 6, 100, 135_000_000, "cpu", "bf16")
    scene = Scene().after(began).after(AnnotateBegan("run:1a", 8, 2))
    told = trace("It is <<2*3=6>>6.")
    for event in (Traced(TEA, told), Refused(TEA, "wrong answer"), Judged(1, {"wrong-answer": 1}, 0, 60)):
        scene = scene.after(event)
    lines = draw(picture(scene, 10.0), width=100).splitlines()
    assert lines[0] == "Drawing solutions with run:1a"
    assert lines[1].endswith("  4 of 8")
    assert lines[-4:] == [
        "kept                1  ━━━━━━━━━━━━━━━━━━━━                       50.0 %",
        "refused: 1 wrong-answer",
        "60 tokens written · about 180 in all",
        "0.2 solutions/s · 6.0 tokens/s written · 0:20 left",
    ]
    assert counted(scene, 10.0) == (
        "4 of 8 drawn, 1 of 2 kept (50.0 %), 60 tokens written, about 180 in all, 0.2 solutions/s, "
        "6.0 tokens/s written, 0:20 left"
    )


# ---- a tiny student that knows four problems by heart

TABLE = BenchTable(max_tokens=120)


@pytest.fixture(scope="module")
def learnt(student_folders, load_tiny, tmp_path_factory) -> Path:
    """The folder of a store with a run that knows the four problems by heart."""
    folder = tmp_path_factory.mktemp("learnt")
    with Store(folder / "socli.db") as store:
        list(queue(store, student_folders["llama"], BY_HEART))
    return folder


@pytest.fixture
def knowing(learnt, tmp_path):
    """That store, copied."""
    with Store(shutil.copytree(learnt, tmp_path / "copy") / "socli.db") as store:
        yield store


def queue(store: Store, base: Path, recipe: recipes.Recipe, **more):
    return distill_queue("mine", recipe, annotated(store, recipe), base, store, **more)


def samples(store: Store) -> list[tuple]:
    """All that was drawn, by problem and number."""
    rows = [row for row in store.traces() if row.trace.teacher.startswith("run:")]
    return sorted((row.trace.problem_id, row.trace.sample, row.reply, row.reason[:9]) for row in rows)


def test_a_student_that_knows_its_problems_draws_right_solutions_and_all_are_stored(knowing):
    (run,) = knowing.runs()
    events = list(sample(PROBLEMS, run, HOW, Scheme(), TABLE, knowing))
    assert events[0] == AnnotateBegan(f"run:{run.id}", 12, 0)
    rows = {row.trace.id: row for row in knowing.traces() if row.trace.teacher == f"run:{run.id}"}
    assert len(rows) == 12
    kept = [event.trace for event in events if isinstance(event, Traced)]
    assert {one.problem_id for one in kept} == {problem.id for problem in PROBLEMS}
    assert {id for id, row in rows.items() if row.verdict == "kept"} == {one.id for one in kept}
    refused = [event for event in events if isinstance(event, Refused)]
    assert len(kept) + len(refused) == 12
    told = [event for event in events if isinstance(event, Judged)]
    assert (sum(one.kept for one in told), sum(sum(one.refused.values()) for one in told)) == (
        len(kept),
        len(refused),
    )
    assert told[-1].tokens_out == sum(row.tokens_out for row in rows.values())
    nora = next(row for row in rows.values() if row.verdict == "kept" and row.trace.answer == "40")
    assert scheme.read(nora.reply).answer == "40"
    assert (nora.trace.temperature, nora.trace.top_p, nora.trace.seed) == (0.7, 0.95, 5)
    again = list(sample(PROBLEMS, run, HOW, Scheme(), TABLE, knowing))
    assert again == [AnnotateBegan(f"run:{run.id}", 12, 12)]


def test_what_is_wrong_is_stored_with_its_reason(knowing):
    (run,) = knowing.runs()
    wrong = [replace(PROBLEMS[0], gold="41"), replace(PROBLEMS[1], gold=None)]
    knowing.add_problems("mine.jsonl", wrong)
    events = list(sample(wrong, run, HOW, Scheme(), TABLE, knowing))
    assert events[0] == AnnotateBegan(f"run:{run.id}", 3, 0)  # nothing is drawn where no answer is known
    rows = [row for row in knowing.traces() if row.trace.teacher.startswith("run:")]
    assert {row.verdict for row in rows} == {"refused"}
    assert "wrong answer" in {row.reason for row in rows}
    assert all(row.reply for row in rows)


def test_drawing_that_was_broken_off_draws_only_what_is_missing_and_ends_the_same(knowing, learnt, tmp_path):
    small, twice, some = BenchTable(max_tokens=80, batch=2), replace(HOW, repeats=2), PROBLEMS[:3]
    (run,) = knowing.runs()
    list(sample(some, run, twice, Scheme(), small, knowing))
    with Store(shutil.copytree(learnt, tmp_path / "other") / "socli.db") as broken:
        events = sample(some, run, twice, Scheme(), small, broken)
        assert next(events) == AnnotateBegan(f"run:{run.id}", 6, 0)
        next(events)
        events.close()
        first = samples(broken)
        assert len(first) == 2
        began, *rest = list(sample(some, run, twice, Scheme(), small, broken))
        assert began == AnnotateBegan(f"run:{run.id}", 6, 2)
        assert len([event for event in rest if isinstance(event, Traced | Refused)]) == 4
        assert set(first) < set(samples(broken))
        assert samples(broken) == samples(knowing)


def test_more_samples_leave_those_that_are_there_as_they_are(knowing):
    (run,) = knowing.runs()
    list(sample(PROBLEMS[:1], run, replace(HOW, repeats=2), Scheme(), TABLE, knowing))
    before = samples(knowing)
    list(sample(PROBLEMS[:1], run, HOW, Scheme(), TABLE, knowing))
    assert (len(before), len(samples(knowing))) == (2, 3)
    assert samples(knowing)[:2] == before


@pytest.mark.parametrize(
    "form", [{"name": "cot"}, {"roles": "split"}, {"roles": "split", "decomposer": "planned"}]
)
def test_every_scheme_with_steps_draws(form, store, student_folders, load_tiny):
    learns = BY_HEART.model_copy(update={"scheme": SchemeTable(**form)})
    list(queue(store, student_folders["llama"], learns))
    (run,) = store.runs()
    events = list(sample(PROBLEMS, run, HOW, learns.to_scheme(), TABLE, store))
    kept = [event.trace for event in events if isinstance(event, Traced)]
    assert {one.problem_id for one in kept} == {problem.id for problem in PROBLEMS}
    assert all(scheme.misfit(one, learns.to_scheme()) is None for one in kept)


# ---- rounds

ONE = SamplingTable(samples=1)


def with_rounds(rounds: int, recipe: recipes.Recipe = SOLO, **train) -> recipes.Recipe:
    table = recipe.train.model_copy(update={"rounds": rounds, **train})
    return recipe.model_copy(update={"train": table, "sampling": ONE})


def as_if_drawn(store: Store, recipe: recipes.Recipe, *ways: str) -> Trace:
    """Store a sample of each problem as if the last run had drawn it; the first problems go these ways."""
    run = store.runs()[0]
    like = asked(run, Sampling(0.7, 0.95, recipe.train.seed, 1), recipe.bench)
    rows = []
    for number, problem in enumerate(PROBLEMS):
        works = [Step("How many?", ways[number])] if number < len(ways) else problem.steps
        told = replace(like, problem_id=problem.id, steps=tuple(works), answer=problem.gold)
        rows.append(TraceRow(told, "kept", reply="drawn"))
    store.add_traces(rows)
    return like


@pytest.fixture
def base(load_tiny, student_folders) -> Path:
    return student_folders["gpt2"]


WAYS = ("That is <<12+28=40>>40.", "That is <<100+40=140>>140.")


def test_a_round_learns_from_the_union_and_is_a_run_of_its_own(store, base):
    list(queue(store, base, with_rounds(0)))
    (first,) = store.runs()
    like = as_if_drawn(store, with_rounds(1), *WAYS)
    events = list(queue(store, base, with_rounds(1)))
    assert events[0] == Noted(f"run {first.id} is done already (round 0 of 1)")
    assert events[1] == AnnotateBegan(like.teacher, 4, 4)
    assert events[2] == Noted("2 samples with new equations, of 2 problems, are learnt from too")
    assert events[3] == Noted("round 1 of 1")
    assert [event.lessons for event in events if isinstance(event, DistillBegan)] == [6]
    second = store.runs()[0]
    assert [event.run for event in events if isinstance(event, Saved)] == [second.id]
    assert (first.round, second.round) == (0, 1)
    assert second.note == f"6 traces, 2 of them samples of {first.id}"
    assert second.traces != first.traces
    assert second.recipe["sampling"]["samples"] == 1
    weights = [(run.folder / "student" / "model.safetensors").read_bytes() for run in (first, second)]
    assert weights[0] != weights[1]
    assert list(queue(store, base, with_rounds(1))) == [
        *events[:3],
        Noted(f"run {second.id} is done already (round 1 of 1)"),
    ]


def test_each_round_learns_what_all_before_it_drew(store, base):
    list(queue(store, base, with_rounds(0)))
    as_if_drawn(store, with_rounds(2), *WAYS[:1])
    list(queue(store, base, with_rounds(1)))
    as_if_drawn(store, with_rounds(2), WAYS[0], WAYS[1])
    list(queue(store, base, with_rounds(2)))
    third, second, first = store.runs()
    assert [run.note for run in (first, second, third)] == [
        "4 traces",
        f"5 traces, 1 of them samples of {first.id}",
        f"6 traces, 2 of them samples of {first.id}, {second.id}",
    ]
    assert [run.round for run in (first, second, third)] == [0, 1, 2]
    assert store.last_good_run() == third


def test_a_round_that_has_nothing_new_to_learn_is_left_out(store, base):
    list(queue(store, base, with_rounds(0)))
    as_if_drawn(store, with_rounds(3))
    *_, last = queue(store, base, with_rounds(3))
    assert last == Noted("round 1 would learn the same again, so it is left out")
    assert len(store.runs()) == 1


def test_t2_a_round_that_is_stopped_goes_on_and_ends_the_same(store, base, tmp_path):
    list(queue(store, base, with_rounds(0)))
    as_if_drawn(store, with_rounds(1), *WAYS)
    shutil.copytree(
        tmp_path, tmp_path.with_name(f"{tmp_path.name}-whole"), ignore=shutil.ignore_patterns("lock")
    )
    with Store(tmp_path.with_name(f"{tmp_path.name}-whole") / "socli.db") as whole:
        list(queue(whole, base, with_rounds(1)))
        (weights,) = (file.read_bytes() for file in whole.runs()[0].folder.glob("student/model.safetensors"))
    asked_after = iter([*[False] * 3, True])
    with pytest.raises(KeyboardInterrupt):
        list(queue(store, base, with_rounds(1), stop_asked=lambda: next(asked_after)))
    assert [run.status for run in store.runs()] == ["started", "done"]
    events = list(queue(store, base, with_rounds(1)))
    assert next(event.step for event in events if isinstance(event, Trained)) == 5
    assert [run.status for run in store.runs()] == ["done", "done"]
    assert (store.runs()[0].folder / "student" / "model.safetensors").read_bytes() == weights


def test_a_queue_that_is_stopped_while_drawing_draws_the_rest(knowing, student_folders):
    known = with_rounds(1, BY_HEART).model_copy(update={"bench": BenchTable(max_tokens=120, batch=1)})
    base = student_folders["llama"]
    calls = iter(range(10**6))
    with pytest.raises(KeyboardInterrupt):
        for _ in queue(
            knowing, base, known, stop_asked=lambda: len(samples(knowing)) > 0 and next(calls) > 5
        ):
            pass
    assert 0 < len(samples(knowing)) < 4
    done = len(samples(knowing))
    events = list(queue(knowing, base, known))
    (began,) = [event for event in events if isinstance(event, AnnotateBegan)]
    assert (began.total, began.done) == (4, done)
    assert len(samples(knowing)) == 4


def test_nothing_is_drawn_for_dev_problems_and_rounds_are_compared_on_them(store, base):
    recipe = with_rounds(1, dev=2, dev_times=1).model_copy(update={"bench": BenchTable(max_tokens=20)})
    events = list(queue(store, base, recipe))
    (run,) = store.runs()
    learnt, dev = rehearsal.carved(annotated(store, recipe), recipe)
    assert {one[0] for one in samples(store)} == {problem.id for problem, _ in learnt}
    assert len(dev) == 2
    as_if = asked(run, Sampling(0.7, 0.95, recipe.train.seed, 1), recipe.bench)
    for problem, _ in dev:  # whoever drew them, they are not learnt
        work = f"That is <<{problem.gold}*1={problem.gold}>>{problem.gold}."
        told = replace(as_if, problem_id=problem.id, steps=(Step("How?", work),), answer=problem.gold)
        store.add_traces([TraceRow(told, "kept")])
    assert worth_learning(learnt, [as_if], 1, Scheme(), "mine.jsonl", store) == []
    assert len(worth_learning(dev, [as_if], 1, Scheme(), "mine.jsonl", store)) == 2
    assert not any(isinstance(event, Noted) and "dev problems right" in event.text for event in events)


def test_the_dev_shares_of_the_rounds_are_told(store, base):
    recipe = with_rounds(0, dev=1, dev_times=1).model_copy(update={"bench": BenchTable(max_tokens=20)})
    list(queue(store, base, recipe))
    recipe = with_rounds(1, recipe)
    as_if_drawn(store, recipe, *(f"That is <<{p.gold}*1={p.gold}>>{p.gold}." for p in PROBLEMS))
    *_, last = queue(store, base, recipe)
    assert last == Noted("student: dev problems right: 0.0 % in round 0, 0.0 % in round 1")


# ---- what goes wrong


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"sampling": {"temperature": 0}}, "`sampling.temperature`: input should be greater than 0"),
        ({"sampling": {"samples": 0}}, "`sampling.samples`: input should be greater than or equal to 1"),
        ({"sampling": {"top_p": 1.5}}, "`sampling.top_p`: input should be less than or equal to 1"),
        ({"train": {"rounds": -1}}, "`train.rounds`: input should be greater than or equal to 0"),
        ({"sampling": {"sample": 3}}, "there is no setting `sampling.sample`"),
    ],
)
def test_t19_a_bad_value_is_a_sentence(table, said):
    with pytest.raises(RecipeError, match="mine") as caught:
        recipes.parse({"problems": {"train": "a.jsonl"}, **table}, "mine")
    assert said in str(caught.value)


def test_answers_alone_are_not_drawn_and_nothing_is_trained_before_that_is_said(store, base):
    recipe = with_rounds(1).model_copy(update={"scheme": SchemeTable(name="answer")})
    with pytest.raises(UsageError, match="the scheme `answer` writes none") as caught:
        list(queue(store, base, recipe))
    assert caught.value.hint == "let another scheme be sampled, or leave train.rounds at 0"
    assert store.runs() == []


def test_t14_a_run_that_another_process_draws_from_is_left_to_it(knowing, student_folders):
    (run,) = knowing.runs()
    with FileLock(run.folder / "lock"), pytest.raises(TryAgainError) as caught:
        list(queue(knowing, student_folders["llama"], with_rounds(1, BY_HEART)))
    assert str(caught.value) == f"run {run.id} is being sampled by another process"


def test_a_recipe_from_before_there_were_rounds_is_that_of_the_first(store):
    older = json.loads(recipes.dump(SOLO))
    del older["sampling"], older["train"]["rounds"]
    assert recipes.settled(older) == json.loads(recipes.dump(with_rounds(2).rounds()[0]))
    assert [one.train.rounds for one in with_rounds(2).rounds()] == [0, 1, 2]
    assert with_rounds(2).rounds()[0].sampling == SamplingTable()
    assert isinstance(with_rounds(2).train, TrainTable)
    assert sampling.counted([]) == ""
