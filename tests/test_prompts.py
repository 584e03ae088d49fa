import re

import pytest

from socli import answer, arithmetic, prompts, scheme
from socli.scheme import Scheme

SOCRATIC = Scheme("socratic")
KINDS = ("number", "yes/no", "text")
FORMS = [Scheme("answer"), Scheme("cot"), SOCRATIC, Scheme("socratic", sub_answers=False)]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_every_example_is_a_transcript_of_the_form(form, kind):
    for asked, written in prompts.examples(form, kind):
        assert asked.startswith("Problem: ")
        reading = scheme.read(written)
        assert scheme.write(reading.steps, reading.answer, form) == written
        assert answer.canonical(reading.answer, kind) == reading.answer
        assert bool(reading.steps) == (form.name != "answer")
        assert all(bool(step.question) == form.asks for step in reading.steps)
        assert all(bool(step.text) == form.works for step in reading.steps)


def test_every_calculation_in_the_examples_holds_and_ends_in_the_answer():
    for _, written in prompts.examples(SOCRATIC, "number"):
        reading = scheme.read(written)
        assert arithmetic.first_wrong(reading.steps) is None
        assert arithmetic.marks(reading.steps[-1].text)[-1].stated == reading.answer


def test_the_first_example_is_written_out():
    asked, written = prompts.examples(SOCRATIC, "number")[0]
    assert asked == (
        "Problem: Lena bakes 4 trays of 9 rolls and sells 20 of them. How many rolls are left?\n"
    )
    assert written == (
        "Ask: How many rolls does Lena bake?\n"
        "Work: Lena bakes 4*9 = <<4*9=36>>36 rolls.\n"
        "Ask: How many rolls are left?\n"
        "Work: After selling 20 there are 36-20 = <<36-20=16>>16 rolls left.\n"
        "#### 16"
    )


def test_yes_no_examples_bring_their_facts_and_end_either_way():
    shown = prompts.examples(SOCRATIC, "yes/no")
    assert all(asked.count("\nFacts: ") == 1 for asked, _ in shown)
    assert [written.rpartition("\n")[2] for _, written in shown] == ["#### no", "#### yes"]


def test_the_prefix_is_the_examples_with_an_empty_line_after_each():
    prefix = prompts.prefix(Scheme("answer"), "number")
    problems = re.findall("^Problem: .*$", prefix, re.MULTILINE)
    assert prefix == f"{problems[0]}\n#### 16\n\n{problems[1]}\n#### 6.25\n\n{problems[2]}\n#### 84\n\n"


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_instruction_names_the_labels_that_the_examples_have_and_no_other(form):
    told = prompts.instruction(form)
    assert ('"Ask:"' in told, '"Work:"' in told) == (form.asks, form.works)
    assert "four number signs" in told
    assert "\n" not in told


def test_nothing_shown_holds_what_harnesses_cut_at():
    for form in FORMS:
        for kind in KINDS:
            assert not re.search("Question:|Q:", prompts.instruction(form) + prompts.prefix(form, kind))


def test_the_fingerprint_stands_for_all_that_is_shown_and_for_nothing_else():
    seen = {(form, kind): prompts.fingerprint(form, kind) for form in FORMS for kind in ("number", "yes/no")}
    assert len(set(seen.values())) == 8
    assert prompts.fingerprint(Scheme("cot", "split"), "number") == seen[Scheme("cot"), "number"]
