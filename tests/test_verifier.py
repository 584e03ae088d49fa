"""A student that tells right solutions from wrong ones: its lessons, its weights, and votes weighed by it."""

from dataclasses import replace

import pytest
from doubles import PROBLEMS, ScriptedWriter
from test_distill import SOLO

from socli import recipe as recipes
from socli import rehearsal, scheme, solvers
from socli.bench import bench
from socli.distill import distill
from socli.engine import batches
from socli.engine.student import tokens
from socli.engine.verify import rightness
from socli.errors import RecipeError, UsageError
from socli.events import DistillBegan, Evaluated, Solved
from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.scheme import Scheme, Span
from socli.solve import Solvers, solve
from socli.tables import BenchTable, SchemeTable, TeacherTable, TrainTable
from socli.writers.pieces import Sampling
from socli.writers.verifier import samples, shares
from socli.writers.voting import Verifier, voted

VERIFY = Scheme("verify")
TEA = Problem("What do 2 teas at $3 cost?", "6")
STEPS = (Step("How much?", "It is 2*3 = $<<2*3=6>>6."),)
ASKED = f"Problem: {TEA.question}\n"
RIGHT = Trace(TEA.id, STEPS, "6", "run:1")


def wrong(problem: Problem) -> Trace:
    """As the reference, with another answer."""
    return Trace(problem.id, problem.steps, f"{problem.gold}1", "run:1")


BOTH = [(p, t) for p in PROBLEMS for t in (Trace(p.id, p.steps, p.gold or "", "run:1"), wrong(p))]
RECIPE = SOLO.model_copy(
    update={
        "scheme": SchemeTable(name="verify"),
        "teacher": TeacherTable(model="run:1"),
        "train": TrainTable(epochs=40, batch=4, lr=0.02),
    }
)


# ---- lessons


def test_a_lesson_is_a_solution_that_is_read_and_one_word_that_is_learnt():
    (right,) = scheme.lessons(TEA, RIGHT, VERIFY)
    assert (right.role, right.problem_id) == ("verifier", TEA.id)
    read = f"{ASKED}Ask: How much?\nWork: It is 2*3 = $<<2*3=6>>6.\n#### 6\nRight:"
    assert right.spans == (Span(read, learnt=False), Span(" yes", learnt=True))
    (other,) = scheme.lessons(TEA, replace(RIGHT, answer="5"), VERIFY)
    assert other.spans == (Span(read.replace("#### 6", "#### 5"), learnt=False), Span(" no", learnt=True))


def test_what_another_scheme_wrote_is_read_as_far_as_it_goes():
    facts = Problem("Is tea hot?", "yes", "yes/no", context="Tea is made with hot water.")
    bare = Trace(facts.id, (Step("", "Water is\nhot."),), "yes", "run:1")
    told = "Problem: Is tea hot?\nFacts: Tea is made with hot water.\nWork: Water is hot.\n#### yes\nRight:"
    (lesson,) = scheme.lessons(facts, bare, VERIFY)
    assert lesson.spans[0].text == told
    (without,) = scheme.lessons(facts, replace(bare, steps=()), replace(VERIFY, facts=False))
    assert without.spans[0].text == "Problem: Is tea hot?\n#### yes\nRight:"
    assert scheme.misfit(replace(bare, steps=()), VERIFY) is None
    assert scheme.roles(VERIFY) == ("verifier",)


def test_only_the_word_and_the_end_token_are_learnt(tiny_student):
    (lesson,) = scheme.lessons(TEA, RIGHT, VERIFY)
    (row,) = batches.encode(tiny_student, [lesson])
    (yes,) = tokens(tiny_student, [" yes"])
    assert [id for id, learnt in zip(row.ids, row.learnt, strict=True) if learnt] == [*yes, tiny_student.end]
    assert list(row.ids[: -len(yes) - 1]) == tokens(tiny_student, [lesson.spans[0].text])[0]
    batches.checked(tiny_student, [lesson], [row])


# ---- which samples


def test_kept_and_wrong_samples_are_learnt_once_and_others_are_not(store):
    cake = Problem("What do 3 cakes at $4 cost?", "12")
    store.add_problems("set", [TEA, cake])

    def add(sample: int, answer: str, reason: str = "", problem=TEA, teacher="run:1", **more):
        told = Trace(problem.id, STEPS, answer, teacher, "hash", 0.7, sample=sample)
        told = replace(told, **more)
        store.add_traces([TraceRow(told, "refused" if reason else "kept", reason)])
        return told

    other = add(0, "12", problem=cake)
    no = add(0, "5", "wrong answer")
    yes = add(1, "6")
    add(2, "5", "wrong answer")  # in the same words
    add(3, "6", temperature=1.0)
    hot = add(4, "7", "wrong answer", temperature=1.0)
    add(5, "6", "wrong arithmetic at step 1")
    add(6, "6", f"duplicate of {yes.id}")
    add(7, "", "unreadable", steps=())
    add(8, "6", "truncated")
    add(9, "9", "wrong answer", teacher="run:2")
    found = samples(store, "set", None, ["run:1"])
    assert found == [(TEA, yes), (TEA, no), (TEA, hot), (cake, other)]
    assert samples(store, "set", 1, ["run:1"]) == found[:3]
    assert shares(found) == "4 samples of 2 problems: 2 right (50.0%), 2 wrong"


@pytest.mark.parametrize(("some", "alike"), [(BOTH[::2], "right"), (BOTH[1::2], "wrong")])
def test_samples_that_are_all_right_or_all_wrong_are_refused(some, alike):
    with pytest.raises(UsageError, match=f"all 4 samples are {alike}, so there is nothing to tell apart"):
        shares(some)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "and `teacher.model` is 'reference'"),
        (["teacher.model=gpt"], "and `teacher.model` is 'gpt'"),
        (["teacher.model=run:1", "train.rounds=1"], "learns from stored samples, on its own"),
        (["teacher.model=run:1", "problems.augment=2"], "on its own"),
        (["teacher.model=run:1", "arms.cot.scheme.name=cot"], "on its own"),
        (["teacher.model=run:1", "scheme.name=cot", "arms.other.scheme.name=verify"], "on its own"),
    ],
)
def test_a_verifier_learns_from_a_runs_samples_alone(tmp_path, words, said):
    path = tmp_path / "mine.toml"
    path.write_text('[problems]\ntrain = "mine.jsonl"\n[scheme]\nname = "verify"\n')
    with pytest.raises(RecipeError, match=said):
        recipes.load(str(path), words)
    assert recipes.load(str(path), ["teacher.model=run:1"]).scheme.name == "verify"


# ---- weighing


def texts_of(pairs) -> list[str]:
    return [scheme.lessons(*pair, VERIFY)[0].spans[0].text for pair in pairs]


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_a_weight_is_the_share_of_yes_in_yes_and_no_as_the_plain_model_has_it(load_tiny, family):
    import torch

    who = load_tiny(family)
    texts = [text * n for n, text in enumerate(texts_of(BOTH[:3]), 1)]
    found = rightness(who, texts)
    yes, no = tokens(who, [" yes", " no"])
    at = next(n for n in range(9) if yes[n] != no[n])
    for text, share in zip(texts, found, strict=True):
        ids = tokens(who, [text])[0] + yes[:at]
        with torch.inference_mode():
            chances = who.model(torch.tensor([ids])).logits[0, -1].softmax(-1)
        expected = chances[yes[at]] / (chances[yes[at]] + chances[no[at]])
        assert share == pytest.approx(float(expected), rel=1e-4)
    assert len({round(share, 3) for share in found}) == 3


def test_a_weight_does_not_depend_on_the_rest_of_the_batch(tiny_student):
    texts = [*texts_of(BOTH), "Right:", texts_of(BOTH)[0] * 3]
    whole = rightness(tiny_student, texts)
    assert rightness(tiny_student, texts[::-1]) == pytest.approx(whole[::-1], rel=2e-6)
    for text, share in zip(texts, whole, strict=True):
        assert rightness(tiny_student, [text]) == [pytest.approx(share, rel=2e-6)]
    assert rightness(tiny_student, []) == []


def test_a_text_that_is_too_long_loses_its_beginning(tiny_student):
    text = texts_of(BOTH)[0]
    kept = "so " * 600 + text
    assert rightness(tiny_student, ["no " * 300 + kept]) == pytest.approx(rightness(tiny_student, [kept]))


# ---- training


def trained(store, base, dev: int = 0):
    """The events of a training on right and wrong samples, and the run."""
    store.add_problems("mine.jsonl", PROBLEMS)
    table = RECIPE.train.model_copy(update={"dev": dev, "dev_times": 2, "epochs": 40 if not dev else 2})
    events = list(distill("mine", RECIPE.model_copy(update={"train": table}), BOTH, base, store))
    return events, store.runs()[0]


def test_a_verifier_that_has_learnt_some_samples_ranks_right_over_wrong(store, student_folders):
    events, run = trained(store, student_folders["llama"])
    (began,) = [event for event in events if isinstance(event, DistillBegan)]
    assert (began.role, began.lessons, run.scheme, run.solves) == ("verifier", 8, "verify", False)
    weights = solvers.verifier_of(run, precision="fp32").weigh(texts_of(BOTH))
    assert min(weights[::2]) > 0.9
    assert max(weights[1::2]) < 0.1
    with pytest.raises(UsageError, match=f"run {run.id} is a verifier: it weighs what others write"):
        solvers.of_run(run, calculator=True)
    assert store.last_good_run() is None


def test_dev_problems_are_judged_with_all_their_samples_and_not_learnt(store, student_folders):
    recipe = RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={"dev": 1})})
    learnt, dev = rehearsal.carved(BOTH, recipe)
    assert (len(learnt), len(dev)) == (6, 2)
    assert not {problem.id for problem, _ in learnt} & {problem.id for problem, _ in dev}
    events, run = trained(store, student_folders["llama"], dev=1)
    tried = [event for event in events if isinstance(event, Evaluated)]
    assert [(event.role, event.problems) for event in tried] == [("verifier", 2)] * 2
    weights = solvers.verifier_of(run, precision="fp32").weigh(texts_of(dev))
    judged = (weights[0] > 0.5) + (weights[1] <= 0.5)
    assert judged == max(event.right for event in tried)


# ---- weighed votes


class ByWords:
    """Weighs a solution by the words in it; remembers what it read."""

    def __init__(self, **weights: float) -> None:
        self.weights, self.read = weights, []

    def __call__(self, texts):
        self.read += texts
        return [next(weight for word, weight in self.weights.items() if word in text) for text in texts]


def weighed(weigh: ByWords, *written: str, until_valid: bool = False, **who) -> Solved:
    writer = ScriptedWriter({"Problem": [written]})
    solving = voted(
        Solvers("s", Scheme(), writer, **who),
        writer,
        Sampling(),
        len(written),
        "number",
        until_valid=until_valid,
        verifier=Verifier("v", weigh),
    )
    (solved,) = [event for event in solve([TEA], solving, 100) if isinstance(event, Solved)]
    return solved


def work(words: str, answer: str) -> str:
    return f"Ask: How?\nWork: {words}\n#### {answer}"


def test_the_answer_of_most_weight_wins_where_plain_votes_would_not():
    weigh = ByWords(poor=0.1, weak=0.2, good=0.7)
    told = weighed(weigh, work("poor", "5"), work("poor", "5"), work("weak", "6"), work("good", "$6.00"))
    assert (told.prediction.answer, told.prediction.text) == ("6", work("good", "$6.00"))
    assert told.prediction.shares == (pytest.approx(0.9 / 1.1),)
    assert told.prediction.tokens == 4 * 7  # of all samples, end tokens included


def test_weights_add_up_and_many_weak_ones_beat_a_strong_one():
    weigh = ByWords(strong=0.5, one=0.3, two=0.4)
    told = weighed(weigh, work("strong", "5"), work("one", "6"), work("two", "6"))
    assert (told.prediction.text, told.prediction.shares) == (work("two", "6"), (pytest.approx(0.7 / 1.2),))


def test_what_is_weighed_is_what_is_learnt_and_nothing_twice():
    weigh = ByWords(How=0.5)
    weighed(weigh, work("It is 2*3 = $<<2*3=6>>6.", "6"), work("It is 2*3 = $<<2*3=6>>6. ", "$6"), "no idea")
    same = replace(RIGHT, steps=(Step("How?", STEPS[0].text),))
    assert weigh.read == texts_of([(TEA, same)])


@pytest.mark.parametrize(
    ("written", "answer", "share"),
    [
        (("no idea", work("good", "6")), "6", 1.0),
        (("no idea", "none"), None, 0.0),
        ((work("zero", "5"), work("zero", "6")), "5", 0.0),
    ],
)
def test_what_came_to_no_answer_has_no_weight_and_of_equals_the_first_wins(written, answer, share):
    told = weighed(ByWords(good=0.7, zero=0.0), *written)
    assert (told.prediction.answer, told.prediction.shares) == (answer, (share,))


def test_only_sound_samples_are_weighed_where_these_alone_vote():
    broken = work("<<2*3=5>>5 is good", "5")
    told = weighed(ByWords(good=0.9, poor=0.1), broken, work("poor", "6"), until_valid=True)
    assert (told.prediction.answer, told.prediction.shares) == ("6", (1.0,))


def test_lines_of_two_students_are_not_weighed():
    with pytest.raises(UsageError, match="the students of s write theirs in turns"):
        weighed(ByWords(), "6", decomposer=ScriptedWriter({}))


def test_a_weighed_bench_is_another_one_than_a_voted_one(store):
    def scored(verifier: Verifier | None) -> str:
        writer = ScriptedWriter({"Problem": [(work("poor", "5"), work("poor", "5"), work("good", "6"))]})
        who = Solvers("s", Scheme(), writer)
        who = voted(who, writer, Sampling(), 3, "number", verifier=verifier)
        *_, last = bench("set", [TEA], who, store, BenchTable())
        return last.scorecard.bench

    plain, other = scored(None), scored(Verifier("1a2b", ByWords(poor=0.1, good=0.8)))
    rows = [store.bench(id) for id in (plain, other)]
    assert [(row.model, row.scorecard.correct) for row in rows] == [
        ("s, 3 votes", 0),
        ("s, 3 votes, verifier 1a2b", 1),
    ]
    assert rows[1].settings == {**rows[0].settings, "verifier": "1a2b"}
    assert scored(Verifier("1a2b", ByWords(poor=0.1, good=0.8))) == other
