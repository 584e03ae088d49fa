"""The teacher `reference`: the data set's own steps, checked like any other teacher's."""

from dataclasses import replace

import pytest
from doubles import PROBLEMS, each

from socli.annotate import annotate, refusal
from socli.events import AnnotateBegan, Refused, Traced
from socli.planning import learnt
from socli.problem import Problem, Step, Trace
from socli.recipe import Recipe
from socli.scheme import Scheme
from socli.tables import TeacherTable

REFERENCE = TeacherTable()
SOCRATIC = Scheme("socratic")
CANDLES = PROBLEMS[0]


def kept(store, set_name="set", limit=None, teacher="reference", roles="unified", sub_answers=True):
    """What a student of this scheme would learn of the set's first so many problems."""
    problems = {"train": set_name} if limit is None else {"train": set_name, "limit": limit}
    form = {"roles": roles, "sub_answers": sub_answers}
    recipe = Recipe(problems=problems, scheme=form)
    return learnt(store, recipe, [teacher])[0]


def told(store, problems, form=SOCRATIC, set_name="set"):
    return each(annotate(problems, set_name, REFERENCE, form, store))


# ---- what is kept


def test_the_data_sets_own_steps_become_traces(store):
    began, *events = told(store, PROBLEMS)
    assert began == AnnotateBegan("reference", 4, 0)
    assert [type(event) for event in events] == [Traced] * 4
    assert [event.problem for event in events] == list(PROBLEMS)
    trace = events[0].trace
    assert (trace.problem_id, trace.steps, trace.answer, trace.teacher) == (
        CANDLES.id, CANDLES.steps, "40", "reference",
    )  # fmt: skip
    assert [(p.id, t) for p, t in store.kept("set")] == [(e.problem.id, e.trace) for e in events]


@pytest.mark.parametrize(
    ("problem", "form", "reason"),
    [
        (replace(CANDLES, gold=None), SOCRATIC, "the right answer is not known"),
        (replace(CANDLES, gold=""), SOCRATIC, "unreadable"),
        (replace(CANDLES, gold="a few"), SOCRATIC, "wrong answer"),
        (replace(CANDLES, steps=()), SOCRATIC, "it has no steps"),
        (replace(CANDLES, steps=(Step("", "48-8 = 40"),)), SOCRATIC, "a step has no sub-question"),
        (replace(CANDLES, steps=(Step("How many?", ""),)), SOCRATIC, "a step has no worked answer"),
        (
            replace(CANDLES, steps=(Step("How many?", "<<4*12=48>>48"), Step("And?", "<<48-8=41>>40"))),
            SOCRATIC,
            "wrong arithmetic at step 2",
        ),
        (replace(CANDLES, steps=()), Scheme("answer"), ""),
        (replace(CANDLES, steps=(Step("", "48-8 = 40"),)), Scheme("cot"), ""),
        (replace(CANDLES, steps=(Step("How many?", ""),)), Scheme("socratic", sub_answers=False), ""),
    ],
)  # fmt: skip
def test_a_verdict_has_its_reason(store, problem, form, reason):
    (_, event) = told(store, [problem], form)
    (row,) = store.traces()
    assert (row.reason, row.verdict) == (reason, "refused" if reason else "kept")
    assert event == (Refused(problem, reason) if reason else Traced(problem, row.trace))


@pytest.mark.parametrize(
    ("answer", "kind", "gold", "reason"),
    [
        ("40", "number", "40", ""),
        ("40.0", "number", "40", ""),
        ("41", "number", "40", "wrong answer"),
        ("", "number", "40", "unreadable"),
        ("yes", "yes/no", "yes", ""),
        ("no", "yes/no", "yes", "wrong answer"),
    ],
)
def test_a_trace_must_end_in_the_gold_answer(answer, kind, gold, reason):
    problem = Problem("Is it?", gold, kind)
    assert refusal(problem, Trace(problem.id, (), answer, "m"), Scheme("answer")) == reason


# ---- again


def test_annotating_again_changes_nothing(store):
    first = told(store, PROBLEMS)
    counts = store.counts()
    assert told(store, PROBLEMS) == first
    assert store.counts() == counts
    assert (counts["kept"], counts["problems"]) == (4, 4)


def test_more_problems_than_one_transaction_takes_are_all_stored(store):
    problems = [replace(CANDLES, question=f"{CANDLES.question} ({n})") for n in range(250)]
    assert len(told(store, problems)) == 251
    assert store.counts()["kept"] == 250


def test_what_does_not_fit_one_scheme_may_fit_another(store):
    """A trace refused under one scheme is not refused for good."""
    questions = replace(CANDLES, steps=(Step("How many?", ""),))
    told(store, [questions], SOCRATIC)
    assert kept(store) == []
    form = Scheme("socratic", "split", sub_answers=False)
    told(store, [questions], form)
    ((problem, trace),) = kept(store, roles="split", sub_answers=False)
    assert (problem.id, trace.steps) == (questions.id, questions.steps)
    assert kept(store) == []


def test_a_gold_answer_that_was_put_right_makes_the_problem_learnable(store):
    told(store, [replace(CANDLES, gold=None)])
    assert list(store.kept("set")) == []
    told(store, [CANDLES])
    ((problem, trace),) = kept(store)
    assert (problem.gold, trace.answer) == ("40", "40")


def test_steps_that_were_put_right_take_the_place_of_the_old(store):
    told(store, [CANDLES])
    better = replace(CANDLES, steps=(Step("How many does she sell?", "4*12-8 = <<4*12-8=40>>40."),))
    told(store, [better])
    ((_, trace),) = kept(store)
    assert trace.steps == better.steps


def test_only_traces_of_the_sets_first_problems_are_learnt_from(store):
    told(store, PROBLEMS)
    assert [p.gold for p, _ in kept(store, limit=2)] == ["40", "140"]
    assert kept(store, "another set") == []
    assert kept(store, teacher="a paid teacher") == []
