"""Work lines that hold the marked equations of their step alone: what is learnt, left out, and read."""

from dataclasses import replace

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli import check, exports, rehearsal, scheme
from socli import recipe as recipes
from socli.problem import Step, Trace
from socli.scheme import Scheme, Span
from socli.solve import Solved, Solvers, solve
from socli.tables import SchemeTable
from socli.writers import parts, swapping

NORA = PROBLEMS[0]
TRACE = Trace(NORA.id, NORA.steps, "40", "reference")
Q1, Q2 = "How many candles does Nora pack?", "How many candles does she sell?"
READS = "Problem: Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?\n"
PAIR = Scheme("socratic", "split", work="equations")


def reads(text: str) -> Span:
    return Span(text, learnt=False)


def learns(text: str) -> Span:
    return Span(text, learnt=True)


def spans(form: Scheme) -> dict[str, tuple[Span, ...]]:
    return {lesson.role: lesson.spans for lesson in scheme.lessons(NORA, TRACE, form)}


# ---- what is learnt


def test_a_chain_of_thought_is_its_equations():
    written = "Work: <<4*12=48>>\nWork: <<48-8=40>>\n#### 40"
    assert spans(Scheme("cot", work="equations")) == {"student": (reads(READS), learns(written))}


def test_one_student_asks_in_words_and_answers_in_equations():
    written = f"Ask: {Q1}\nWork: <<4*12=48>>\nAsk: {Q2}\nWork: <<48-8=40>>\n#### 40"
    assert spans(Scheme(work="equations")) == {"student": (reads(READS), learns(written))}


def test_a_decomposer_reads_equations_and_a_solver_learns_them():
    assert spans(PAIR) == {
        "decomposer": (
            reads(READS),
            learns(f"Ask: {Q1}\n"), reads("Work: <<4*12=48>>\n"),
            learns(f"Ask: {Q2}\n"), reads("Work: <<48-8=40>>\n"),
        ),
        "solver": (
            reads(READS),
            reads(f"Ask: {Q1}\n"), reads("Work:"), learns(" <<4*12=48>>\n"),
            reads(f"Ask: {Q2}\n"), reads("Work:"), learns(" <<48-8=40>>\n"),
            reads("####"), learns(" 40"),
        ),
    }  # fmt: skip


def test_planned_questions_come_first_and_a_planner_writes_as_it_did():
    form = Scheme(decomposer="planned", guide="count", work="equations")
    told = spans(form)
    written = f"Ask: {Q1}\nAsk: {Q2}\nWork: <<4*12=48>>\nWork: <<48-8=40>>\n#### 40"
    assert told["student"][-1] == learns(written)
    assert told["planner"] == spans(replace(form, work="words"))["planner"]


def test_several_equations_of_a_step_stand_on_one_line_and_its_words_are_left_out():
    step = Step("How many?", "2*3 is <<2*3=6>>6 and\nwith 4 more <<6+4=\n10>>10.")
    assert scheme.worked(step, Scheme(work="equations")) == "<<2*3=6>> <<6+4= 10>>"
    assert scheme.worked(step, Scheme()) == "2*3 is <<2*3=6>>6 and with 4 more <<6+4= 10>>10."


@pytest.mark.parametrize("form", [Scheme("answer"), Scheme("socratic", sub_answers=False)], ids=str)
def test_where_no_work_is_written_nothing_is_changed(form):
    bare = replace(form, work="equations")
    assert (bare.bare, spans(bare)) == (False, spans(form))
    assert scheme.described(bare) == scheme.described(form)
    assert scheme.misfit(Trace("id", (Step("Is it?", "It is."),), "yes", "reference"), bare) is None


def test_what_was_written_is_read_back_as_steps():
    text = scheme.write(NORA.steps, "40", Scheme(work="equations"))
    assert scheme.read(text).steps == (Step(Q1, "<<4*12=48>>"), Step(Q2, "<<48-8=40>>"))


# ---- what is left out


@pytest.mark.parametrize("name", ["cot", "socratic"])
def test_a_step_without_an_equation_fits_in_words_alone(name):
    told = Trace(NORA.id, (*NORA.steps, Step("Is that all?", "She keeps 8 back.")), "40", "reference")
    assert scheme.misfit(told, Scheme(name, work="equations")) == "a step has no marked equation"
    assert scheme.misfit(told, Scheme(name)) is None
    assert scheme.misfit(TRACE, Scheme(name, work="equations")) is None


def test_a_trace_is_judged_in_words_as_it_is_stored():
    told = Trace(NORA.id, (*NORA.steps, Step("Is that all?", "She keeps 8 back.")), "40", "reference")
    assert check.judge(NORA, told, Scheme(work="equations")).reason == ""
    assert check.code("a step has no marked equation") == "misfit"


# ---- who knows of it


def test_a_scheme_says_so_and_an_older_recipe_writes_words():
    assert scheme.described(Scheme("cot", work="equations")) == "cot, equations alone"
    guided = Scheme(roles="split", guide="count", facts=False, work="equations")
    assert scheme.described(guided) == "socratic split, guide count, equations alone, no facts"
    older = SchemeTable().model_dump()
    del older["work"]
    assert SchemeTable.model_validate(older).to_scheme() == Scheme()
    assert SchemeTable(work="equations").to_scheme() == Scheme(work="equations")


def test_a_recipe_names_what_can_be_said():
    with pytest.raises(recipes.RecipeError, match=r"`scheme\.work`: input should be 'words' or 'equations'"):
        recipes.load("gsm8k", ["scheme.work=sums"])


def test_a_decomposer_that_is_tried_reads_the_references_equations(tiny_student):
    who = rehearsal._beside(tiny_student, "decomposer", PAIR, [(NORA, TRACE)], calculator=False)
    asking = ScriptedWriter({"Nora": [f"Ask: {Q1}\n", f"Ask: {Q2}\n", ""]})
    (said,) = [
        e.prediction for e in solve([NORA], replace(who, decomposer=asking), 200) if isinstance(e, Solved)
    ]
    assert said.text == scheme.write(NORA.steps, "40", PAIR)


def test_gold_answers_are_equations_and_problems_without_them_are_no_fit():
    asking = ScriptedWriter({"Nora": [f"Ask: {Q1}\n", f"Ask: {Q2}\n", ""]})
    who = Solvers("x", PAIR, ScriptedWriter({}), asking)
    (said,) = [
        e.prediction
        for e in solve([NORA], parts.swapped(who, [NORA], "answers"), 200)
        if isinstance(e, Solved)
    ]
    assert said.text == scheme.write(NORA.steps, "40", PAIR)
    plain = replace(NORA, steps=(Step(Q1, "48 candles."),))
    assert (parts.fit(plain, PAIR), parts.fit(plain, Scheme(roles="split"))) == (False, True)


def test_a_part_put_in_by_others_leaves_the_others_way_of_writing():
    who = swapping.swapped(Solvers("x", PAIR, ScriptedWriter({})), decomposer=ScriptedWriter({}))
    assert who.scheme == PAIR


def test_other_trainers_learn_the_same_and_whole_traces_stay_whole():
    (row,) = exports.rows(NORA, TRACE, Scheme("cot", work="equations"), "trl")
    assert row["completion"] == "Work: <<4*12=48>>\nWork: <<48-8=40>>\n#### 40"
    (whole,) = exports.rows(NORA, TRACE, Scheme("cot", work="equations"), "jsonl")
    assert whole["steps"][0]["text"] == NORA.steps[0].text
