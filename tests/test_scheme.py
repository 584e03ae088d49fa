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
    PROBLEM,
    WORK,
    Reading,
    Scheme,
    Span,
    lessons,
    misfit,
    one_line,
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
    assert read("Ask: One?\nAsk: Two?\nWork: 2\n") == Reading((Step("One?", ""), Step("Two?", "2")), None)


# ---- labels


def test_no_label_holds_what_harnesses_cut_at():
    assert [PROBLEM, FACTS, ASK, WORK, END] == ["Problem:", "Facts:", "Ask:", "Work:", "####"]
    assert not any(cut in label for label in (PROBLEM, FACTS, ASK, WORK, END) for cut in ("Question:", "Q:"))


@given(question=hostile, context=hostile)
def test_a_problem_cannot_begin_a_line_of_its_own(question, context):
    lines = prompt(Problem(question, context=context)).split("\n")
    labels = [PROBLEM, FACTS, ""] if context else [PROBLEM, ""]
    assert [line.partition(" ")[0] for line in lines] == labels


@given(steps=chains, answer=hostile)
def test_text_that_looks_like_a_label_cannot_fake_one(steps, answer):
    for scheme in SCHEMES:
        labels = [line.partition(" ")[0] for line in write(steps, answer, scheme).split("\n")]
        step = [ASK] * scheme.asks + [WORK] * scheme.works
        assert labels == [*step * len(steps), END]


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


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_the_spans_of_every_role_are_the_whole_transcript(scheme):
    for lesson in lessons(CANDLES, TRACE, scheme):
        whole = "".join(span.text for span in lesson.spans)
        transcript = READS + write(TRACE.steps, TRACE.answer, scheme)
        # the decomposer ends where the solver writes the answer
        assert whole == transcript.removesuffix("#### 40" if lesson.role == "decomposer" else "")


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


# ---- what cannot be taught


def test_a_trace_fits_where_it_has_what_the_scheme_writes():
    assert [misfit(TRACE, scheme) for scheme in SCHEMES] == [None] * 6


@pytest.mark.parametrize(
    ("steps", "faults"),
    [
        ((), [None] + ["it has no steps"] * 5),
        (
            (Step("Why?", " \n"),),
            [None, "a step has no worked answer", "a step has no worked answer", None,
             "a step has no worked answer", None],
        ),
        ((Step("\u2003", "So."),), [None, None, *["a step has no sub-question"] * 4]),
    ],
)  # fmt: skip
def test_a_misfit_is_said_for_the_schemes_it_does_not_fit(steps, faults):
    trace = replace(TRACE, steps=steps)
    assert [misfit(trace, scheme) for scheme in SCHEMES] == faults
