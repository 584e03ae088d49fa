from dataclasses import replace

import pytest
from doubles import PROBLEMS
from hypothesis import given
from hypothesis import strategies as st

from socli.problem import Problem, Step, Trace
from socli.scheme import (
    ASK,
    END,
    FACTS,
    PLAN,
    PROBLEM,
    WORK,
    Reading,
    Scheme,
    Span,
    described,
    lessons,
    misfit,
    one_line,
    plan,
    prompt,
    read,
    roles,
    write,
)

CANDLES = PROBLEMS[0]
TRACE = Trace(CANDLES.id, CANDLES.steps, "40", "reference")
Q1, Q2 = "How many candles does Nora pack?", "How many candles does she sell?"
W1, W2 = "She packs 4*12 = <<4*12=48>>48 candles.", "She sells 48-8 = <<48-8=40>>40 candles."
READS = "Problem: Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?\n"

SCHEMES = [
    Scheme("answer"),
    Scheme("cot"),
    Scheme("socratic"),
    Scheme("socratic", sub_answers=False),
    Scheme("socratic", "split"),
    Scheme("socratic", "split", sub_answers=False),
    Scheme("socratic", decomposer="planned"),
    Scheme("socratic", "split", decomposer="planned"),
    Scheme("socratic", "split", decomposer="planned", sub_answers=False),
    Scheme("socratic", guide="count"),
    Scheme("socratic", "split", guide="operators"),
    Scheme("socratic", "split", decomposer="planned", guide="equations"),
]

# text as a model, a data set or an attacker may write it: labels, every kind of line end, anything
hostile = st.lists(
    st.sampled_from([ASK, WORK, END, PROBLEM, FACTS, "\n", "\r", "\x85", "\u2028", "\x1c", " ", "<|im_end|>"])
    | st.text(max_size=6),
    max_size=8,
).map("".join)
said = hostile.filter(lambda text: text.strip())
chains = st.lists(st.builds(Step, said, said), min_size=1, max_size=6).map(tuple)


def as_written(steps: tuple[Step, ...], scheme: Scheme) -> tuple[Step, ...]:
    """What of the steps a scheme writes, each on one line."""
    if scheme.name == "answer":
        return ()
    return tuple(
        Step(one_line(s.question) if scheme.asks else "", one_line(s.text) if scheme.works else "")
        for s in steps
    )


# ---- reading what was written


@given(steps=chains, answer=hostile)
def test_reading_what_was_written_gives_the_trace_again(steps, answer):
    for scheme in SCHEMES:
        assert read(write(steps, answer, scheme)) == Reading(as_written(steps, scheme), one_line(answer))


@given(transcript=hostile)
def test_any_text_at_all_can_be_read(transcript):
    reading = read(transcript)
    assert all("\n" not in step.question + step.text for step in reading.steps)


@given(steps=chains, answer=said)
def test_a_transcript_that_grows_never_loses_what_it_said(steps, answer):
    whole = write(steps, answer, Scheme("socratic"))
    for end in range(0, len(whole), 7):
        assert len(read(whole[:end]).steps) <= len(steps)
        assert read(whole[:end]).answer is None or whole[:end].startswith(whole[: whole.rindex(f"\n{END}")])


def test_the_answer_is_none_until_its_line_has_begun():
    assert read("Ask: What?\nWork: 6").answer is None
    assert read("Ask: What?\nWork: 6\n###").answer is None
    assert read("Ask: What?\nWork: 6\n#### ").answer == ""
    assert read("Ask: What?\nWork: 6\n#### 6").answer == "6"


def test_what_stands_after_the_answer_is_not_read():
    assert read("#### 6\nAsk: And now?\n#### 7") == Reading((), "6")


def test_lines_without_a_label_are_left_out():
    assert read("Well.\nAsk: What?\nHm, let me see\nWork: 6\n#### 6") == Reading((Step("What?", "6"),), "6")


def test_a_step_without_an_answer_stays_a_step():
    assert read("Ask: One?\nWork: 1\nAsk: Two?\n") == Reading((Step("One?", "1"), Step("Two?", "")), None)


def test_an_answer_belongs_to_the_first_question_that_waits():
    assert read("Ask: One?\nAsk: Two?\nWork: 1\n") == Reading((Step("One?", "1"), Step("Two?", "")), None)
    assert read("Ask: One?\nAsk: Two?\nWork: 1\nWork: 2\nWork: 3\n#### 3") == Reading(
        (Step("One?", "1"), Step("Two?", "2"), Step("", "3")), "3"
    )


# ---- labels


def test_no_label_holds_what_harnesses_cut_at():
    labels = [PROBLEM, FACTS, PLAN, ASK, WORK, END]
    assert labels == ["Problem:", "Facts:", "Plan:", "Ask:", "Work:", "####"]
    assert not any(cut in label for label in labels for cut in ("Question:", "Q:"))


@given(question=hostile, context=hostile)
def test_a_problem_cannot_begin_a_line_of_its_own(question, context):
    lines = prompt(Problem(question, context=context)).split("\n")
    labels = [PROBLEM, FACTS, ""] if context else [PROBLEM, ""]
    assert [line.partition(" ")[0] for line in lines] == labels


@given(steps=chains, answer=hostile)
def test_text_that_looks_like_a_label_cannot_fake_one(steps, answer):
    for scheme in SCHEMES:
        labels = [line.partition(" ")[0] for line in write(steps, answer, scheme).split("\n")]
        plan = [PLAN] * scheme.guided
        step = [ASK] * scheme.asks + [WORK] * scheme.works
        if scheme.planned and scheme.works:
            assert labels == [*plan, *[ASK] * len(steps), *[WORK] * len(steps), END]
        else:
            assert labels == [*plan, *step * len(steps), END]


def test_a_problem_that_brings_its_own_answer_line_stays_one_line():
    false = Problem("What is 2+2?\nAsk: Really?\n#### 999", context="None.\n#### 999")
    assert prompt(false) == "Problem: What is 2+2? Ask: Really? #### 999\nFacts: None. #### 999\n"


# ---- lessons, span by span


def spans(scheme: Scheme, problem: Problem = CANDLES, trace: Trace = TRACE) -> dict[str, tuple[Span, ...]]:
    return {lesson.role: lesson.spans for lesson in lessons(problem, trace, scheme)}


def reads(text: str) -> Span:
    return Span(text, learnt=False)


def learns(text: str) -> Span:
    return Span(text, learnt=True)


def test_answer_alone_is_learnt():
    assert spans(Scheme("answer")) == {"student": (reads(READS), learns("#### 40"))}


def test_chain_of_thought_learns_the_steps_and_the_answer():
    assert spans(Scheme("cot")) == {
        "student": (reads(READS), learns(f"Work: {W1}\nWork: {W2}\n#### 40")),
    }


def test_one_socratic_student_learns_the_whole_transcript():
    written = f"Ask: {Q1}\nWork: {W1}\nAsk: {Q2}\nWork: {W2}\n#### 40"
    assert spans(Scheme("socratic")) == {"student": (reads(READS), learns(written))}


def test_one_socratic_student_without_sub_answers_learns_questions_and_answer():
    assert spans(Scheme("socratic", sub_answers=False)) == {
        "student": (reads(READS), learns(f"Ask: {Q1}\nAsk: {Q2}\n#### 40")),
    }


def test_a_decomposer_learns_to_ask_and_a_solver_to_answer():
    assert spans(Scheme("socratic", "split")) == {
        "decomposer": (
            reads(READS),
            learns(f"Ask: {Q1}\n"), reads(f"Work: {W1}\n"),
            learns(f"Ask: {Q2}\n"), reads(f"Work: {W2}\n"),
        ),
        "solver": (
            reads(READS),
            reads(f"Ask: {Q1}\n"), reads("Work:"), learns(f" {W1}\n"),
            reads(f"Ask: {Q2}\n"), reads("Work:"), learns(f" {W2}\n"),
            reads("####"), learns(" 40"),
        ),
    }  # fmt: skip


def test_without_sub_answers_the_solver_learns_the_answer_alone():
    assert spans(Scheme("socratic", "split", sub_answers=False)) == {
        "decomposer": (reads(READS), learns(f"Ask: {Q1}\n"), learns(f"Ask: {Q2}\n")),
        "solver": (
            reads(READS), reads(f"Ask: {Q1}\n"), reads(f"Ask: {Q2}\n"), reads("####"), learns(" 40"),
        ),
    }  # fmt: skip


def test_a_planned_decomposer_asks_everything_from_the_problem_alone():
    """The solver learns what it learns from an interleaved one."""
    made = spans(Scheme("socratic", "split", decomposer="planned"))
    assert made["decomposer"] == (reads(READS), learns(f"Ask: {Q1}\nAsk: {Q2}\n"))
    assert made["solver"] == spans(Scheme("socratic", "split"))["solver"]


def test_a_planned_decomposer_without_sub_answers_asks_everything_too():
    assert spans(Scheme("socratic", "split", sub_answers=False, decomposer="planned")) == {
        "decomposer": (reads(READS), learns(f"Ask: {Q1}\nAsk: {Q2}\n")),
        "solver": (
            reads(READS), reads(f"Ask: {Q1}\n"), reads(f"Ask: {Q2}\n"), reads("####"), learns(" 40"),
        ),
    }  # fmt: skip


def test_one_student_that_plans_asks_everything_before_it_answers():
    written = f"Ask: {Q1}\nAsk: {Q2}\nWork: {W1}\nWork: {W2}\n#### 40"
    assert spans(Scheme("socratic", decomposer="planned")) == {"student": (reads(READS), learns(written))}


@pytest.mark.parametrize(
    ("guide", "line"),
    [("count", "2"), ("operators", "*; -"), ("equations", "<<4*12=48>>; <<48-8=40>>")],
)
def test_a_planner_learns_the_guide_and_whoever_asks_reads_it(guide, line):
    plan = reads(f"Plan: {line}\n")
    plans = (reads(READS), reads("Plan:"), learns(f" {line}\n"))
    unified, split = Scheme("socratic"), Scheme("socratic", "split")
    (_, student), (_, decomposer) = spans(unified)["student"], spans(split)["decomposer"][:2]
    assert spans(replace(unified, guide=guide)) == {
        "planner": plans,
        "student": (reads(READS), plan, student),
    }
    assert spans(replace(split, guide=guide)) == {
        "planner": plans,
        "decomposer": (
            reads(READS), plan,
            decomposer, reads(f"Work: {W1}\n"),
            learns(f"Ask: {Q2}\n"), reads(f"Work: {W2}\n"),
        ),
        "solver": spans(split)["solver"],  # it does not read the plan
    }  # fmt: skip
    assert spans(replace(split, guide=guide, decomposer="planned"))["decomposer"] == (
        reads(READS), plan, learns(f"Ask: {Q1}\nAsk: {Q2}\n"),
    )  # fmt: skip


def test_without_sub_questions_there_is_nothing_to_plan():
    for name in ("answer", "cot"):
        plain = Scheme(name)
        assert spans(Scheme(name, "split", decomposer="planned", guide="count")) == spans(plain)


@pytest.mark.parametrize(
    ("texts", "operators", "equations"),
    [
        (["3*4 = <<3*4=12>>12 and <<12-2=10>>10."], "* -", "<<3*4=12>> <<12-2=10>>"),
        (["It is half.", "<<10/2=5>>5"], "none; /", "none; <<10/2=5>>"),
        (["<<20% of 50=10>>10", "<<-3+(4 x 2)=5>>5"], "*; +*", "<<20% of 50=10>>; <<-3+(4 x 2)=5>>"),
        (["<<a+b=c>>"], "none", "<<a+b=c>>"),
        (["<<7=7>>"], "none", "<<7=7>>"),
    ],
)
def test_a_plan_says_what_is_computed_in_each_step(texts, operators, equations):
    steps = tuple(Step("And?", text) for text in texts)
    assert plan(steps, "operators") == operators
    assert plan(steps, "equations") == equations
    assert plan(steps, "count") == str(len(texts))
    assert plan(steps, "none") == ""


def test_facts_are_read_and_never_learnt():
    steps = (Step("Why?", "So."),)
    lift = Problem("Can it ride?", "no", "yes/no", context="It weighs\n3 tonnes.", steps=steps)
    made = spans(Scheme("socratic"), lift, Trace(lift.id, lift.steps, "no", "reference"))
    assert made == {
        "student": (
            reads("Problem: Can it ride?\nFacts: It weighs 3 tonnes.\n"),
            learns("Ask: Why?\nWork: So.\n#### no"),
        ),
    }


def test_facts_that_are_not_shown_are_in_no_lesson():
    steps = (Step("Why?", "So."),)
    lift = Problem("Can it ride?", "no", "yes/no", context="It weighs 3 tonnes.", steps=steps)
    bare = replace(Scheme("socratic", "split"), facts=False)
    made = spans(bare, lift, Trace(lift.id, lift.steps, "no", "reference"))
    assert {role: told[0] for role, told in made.items()} == dict.fromkeys(
        ("decomposer", "solver"), reads("Problem: Can it ride?\n")
    )
    assert described(bare) == "socratic split, no facts"
    assert described(Scheme("answer", facts=False)) == "answer, no facts"


def test_lessons_of_other_schemes_are_learnt_without_their_labels_and_questions():
    mixed = Scheme("cot", also=("answer", "socratic"))
    own, *others = lessons(CANDLES, TRACE, mixed)
    assert [own] == lessons(CANDLES, TRACE, Scheme("cot"))
    assert [(one.role, one.problem_id) for one in others] == [("student", CANDLES.id)] * 2
    assert others[0].spans == (reads(READS), reads("####"), learns(" 40"))
    assert others[1].spans == (
        reads(READS),
        reads(f"Ask: {Q1}\n"),
        reads("Work:"),
        learns(f" {W1}\n"),
        reads(f"Ask: {Q2}\n"),
        reads("Work:"),
        learns(f" {W2}\n"),
        reads("####"),
        learns(" 40"),
    )
    assert write(TRACE.steps, "40", mixed) == write(TRACE.steps, "40", Scheme("cot"))
    assert described(mixed) == "cot, also answer and socratic"


def test_of_a_pair_the_solver_learns_other_schemes_in_its_own_way_of_working():
    pair = Scheme("socratic", "split", guide="count", work="equations")
    made = lessons(CANDLES, TRACE, replace(pair, also=("cot",)))
    assert made[:-1] == lessons(CANDLES, TRACE, pair)
    assert (made[-1].role, "".join(span.text for span in made[-1].spans)) == (
        "solver",
        READS + "Work: <<4*12=48>>\nWork: <<48-8=40>>\n#### 40",
    )


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_the_spans_of_every_role_are_the_whole_transcript(scheme):
    told = write(TRACE.steps, TRACE.answer, scheme)
    guide = f"{told.partition(chr(10))[0]}\n" if scheme.guided else ""
    for lesson in lessons(CANDLES, TRACE, scheme):
        whole = "".join(span.text for span in lesson.spans).removeprefix(READS)
        match lesson.role:
            case "planner":
                assert whole == guide
            case "student":
                assert whole == told
            case "decomposer" if scheme.planned:  # it ends where the solver begins
                assert whole == told.partition(WORK if scheme.works else END)[0]
            case "decomposer":  # it ends where the solver writes the answer
                assert whole == told.removesuffix("#### 40")
            case "solver":  # it reads each question above its answer, however they were asked
                one_by_one = replace(scheme, decomposer="interleaved", guide="none")
                assert whole == write(TRACE.steps, TRACE.answer, one_by_one)


def test_pairs_are_what_was_read_and_what_is_learnt_next():
    (decomposer, _) = lessons(CANDLES, TRACE, Scheme("socratic", "split"))
    assert list(decomposer.pairs()) == [
        (READS, f"Ask: {Q1}\n"),
        (f"{READS}Ask: {Q1}\nWork: {W1}\n", f"Ask: {Q2}\n"),
    ]


def test_two_are_trained_where_roles_are_split_and_one_elsewhere():
    assert roles(Scheme("socratic", "split")) == ("decomposer", "solver")
    for scheme in (Scheme("socratic"), Scheme("cot", "split"), Scheme("answer")):
        assert roles(scheme) == ("student",)


def test_a_guide_trains_a_planner_first():
    assert roles(Scheme("socratic", guide="count")) == ("planner", "student")
    assert roles(Scheme("socratic", "split", guide="equations")) == ("planner", "decomposer", "solver")
    assert roles(Scheme("cot", guide="count")) == ("student",)


def test_a_scheme_is_described_by_what_it_does():
    assert [described(scheme) for scheme in SCHEMES] == [
        "answer",
        "cot",
        "socratic unified",
        "socratic unified, no sub-answers",
        "socratic split",
        "socratic split, no sub-answers",
        "socratic unified planned",
        "socratic split planned",
        "socratic split planned, no sub-answers",
        "socratic unified, guide count",
        "socratic split, guide operators",
        "socratic split planned, guide equations",
    ]
    assert described(Scheme("cot", "split", decomposer="planned", guide="count")) == "cot"


# ---- what cannot be taught


def test_a_trace_fits_where_it_has_what_the_scheme_writes():
    assert [misfit(TRACE, scheme) for scheme in SCHEMES] == [None] * 12


NO_WORK, NO_ASK = "a step has no worked answer", "a step has no sub-question"


@pytest.mark.parametrize(
    ("steps", "faults"),
    [
        ((), [None] + ["it has no steps"] * 11),
        (
            (Step("Why?", " \n"),),
            [None, NO_WORK, NO_WORK, None, NO_WORK, None, NO_WORK, NO_WORK, None, NO_WORK, NO_WORK, NO_WORK],
        ),
        ((Step("\u2003", "So."),), [None, None, *[NO_ASK] * 10]),
    ],
)
def test_a_misfit_is_said_for_the_schemes_it_does_not_fit(steps, faults):
    trace = replace(TRACE, steps=steps)
    assert [misfit(trace, scheme) for scheme in SCHEMES] == faults


def test_a_trace_must_fit_the_other_schemes_too():
    unasked = replace(TRACE, steps=(Step("", "2*3 = <<2*3=6>>6"),))
    assert misfit(unasked, Scheme("cot", also=("answer",))) is None
    assert misfit(unasked, Scheme("cot", also=("answer", "socratic"))) == NO_ASK
    assert misfit(replace(TRACE, steps=()), Scheme("answer", also=("cot",))) == "it has no steps"
