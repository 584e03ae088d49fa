"""Exact pictures, and text that means harm."""

import dataclasses
import math
import re
import time
import unicodedata

import pyte
import pytest
from doubles import draw
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from socli.events import (
    AnnotateBegan,
    BenchBegan,
    Checkpointed,
    DistillBegan,
    Event,
    Judged,
    Noted,
    Opened,
    Refused,
    Saved,
    Scored,
    Solved,
    Tallied,
    Traced,
    Trained,
    Wrote,
)
from socli.problem import ByLength, FinishReason, Prediction, Problem, Scorecard, Step, Trace
from socli.scheme import read
from socli.screen.progress import (
    annotating,
    benching,
    counted,
    funnelled,
    picture,
    plot,
    scoreboard,
    sparkline,
    training,
)
from socli.screen.render import ASCII, UNICODE, branches, clock, line, plain, safe, told, tree
from socli.screen.scene import Scene

TINS = Problem(
    "Omar stacks 5 rows of 12 tins and takes away a quarter of them. How many tins are left?", gold="45"
)
SOCRATIC = """\
Ask: How many tins does Omar stack?
Work: He stacks 5*12 = <<5*12=60>>60 tins.
Ask: How many tins are left?
Work: He leaves 60 - 60/4 = <<60-60/4=45>>45 tins.
#### 45"""


def after(*events: Event) -> Scene:
    scene = Scene()
    for event in events:
        scene = scene.after(event)
    return scene


def written(text: str, *, calculator: bool = True, problem: Problem = TINS) -> Scene:
    return after(Opened(problem, calculator), Wrote(problem.id, text, "student"))


def solved(
    text: str = SOCRATIC,
    *,
    correct: bool | None = None,
    reason: FinishReason = "answered",
    problem: Problem = TINS,
) -> Scene:
    steps, answer = read(text).steps, read(text).answer
    prediction = Prediction(problem.id, steps, answer, correct, reason, True, 84, 2.4, text)
    return written(text, problem=problem).after(Solved(problem, prediction))


def test_the_tree_shows_each_worked_answer_under_its_question():
    assert (
        draw(tree(solved()), width=60)
        == """\
Omar stacks 5 rows of 12 tins and takes away a quarter of
them. How many tins are left?
├── How many tins does Omar stack?
│   ✓ He stacks 5*12 = ‹60› tins.
├── How many tins are left?
│   ✓ He leaves 60 - 60/4 = ‹45› tins.
└── Answer: 45
84 tokens · 35 tokens/s · 2.4 s · calculator on
"""
    )


def test_the_tree_at_forty_columns_keeps_its_shape():
    assert (
        draw(tree(solved(correct=True)), width=40)
        == """\
Omar stacks 5 rows of 12 tins and takes
away a quarter of them. How many tins
are left?
├── How many tins does Omar stack?
│   ✓ He stacks 5*12 = ‹60› tins.
├── How many tins are left?
│   ✓ He leaves 60 - 60/4 = ‹45› tins.
└── Answer: 45 ✓
84 tokens · 35 tokens/s · 2.4 s
calculator on
"""
    )


def test_lines_that_are_too_long_go_on_behind_the_sign():
    assert (
        draw(tree(solved()), width=24)
        == """\
Omar stacks 5 rows of 12
tins and takes away a
quarter of them. How
many tins are left?
├── How many tins does
│   Omar stack?
│   ✓ He stacks 5*12 =
│     ‹60› tins.
├── How many tins are
│   left?
│   ✓ He leaves 60 -
│     60/4 = ‹45› tins.
└── Answer: 45
84 tokens · 35 tokens/s
2.4 s · calculator on
"""
    )


def test_the_tree_at_a_hundred_columns_beside_a_gold_answer_it_missed():
    scene = solved(SOCRATIC.replace("=45>>45", "=40>>40").replace("#### 45", "#### 40"), correct=False)
    assert (
        draw(tree(scene), width=100)
        == """\
Omar stacks 5 rows of 12 tins and takes away a quarter of them. How many tins are left?
├── How many tins does Omar stack?
│   ✓ He stacks 5*12 = ‹60› tins.
├── How many tins are left?
│   ✗ He leaves 60 - 60/4 = ‹40 ✗› tins.
└── Answer: 40 ✗ right is 45
84 tokens · 35 tokens/s · 2.4 s · calculator on
"""
    )


def test_without_unicode_the_signs_are_ascii():
    shown = draw(tree(solved(correct=True)), width=60, encoding="ascii")
    assert (
        shown
        == """\
Omar stacks 5 rows of 12 tins and takes away a quarter of
them. How many tins are left?
+-- How many tins does Omar stack?
|   ok He stacks 5*12 = [60] tins.
+-- How many tins are left?
|   ok He leaves 60 - 60/4 = [45] tins.
`-- Answer: 45 ok
84 tokens, 35 tokens/s, 2.4 s, calculator on
"""
    )
    wrong = draw(tree(solved("Work: <<5*12=61>>61\n#### 61", correct=False)), width=99, encoding="ascii")
    assert wrong.splitlines()[1:3] == ["+-- x  [5*12=61 x]", "`-- Answer: 61 x right is 45"]


def test_a_chain_of_thought_has_no_questions():
    text = "Work: He stacks 5*12 = <<5*12=60>>60 tins.\nWork: A quarter of them is gone.\n#### 45"
    assert draw(tree(solved(text)), width=60).splitlines()[2:5] == [
        "├── ✓ He stacks 5*12 = ‹60› tins.",
        "├──   A quarter of them is gone.",
        "└── Answer: 45",
    ]


def test_an_answer_alone_is_one_branch():
    assert draw(tree(solved("#### 45")), width=60).splitlines()[2] == "└── Answer: 45"


def test_questions_without_worked_answers_are_branches():
    text = "Ask: How many tins?\nAsk: How many are left?\n#### 45"
    assert draw(tree(solved(text)), width=60).splitlines()[2:4] == [
        "├── How many tins?",
        "├── How many are left?",
    ]


def test_the_facts_stand_under_the_question():
    problem = Problem("Can a goose outrun a fox?", kind="yes/no", context="A goose runs.\nA fox runs faster.")
    assert draw(tree(solved("#### no", problem=problem))).splitlines()[:2] == [
        "Can a goose outrun a fox?",
        "A goose runs. A fox runs faster.",
    ]


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ("Ask: How many?\n", "truncated", "└── No answer: it ran out of tokens"),
        ("Ask: How many?\n", "too many steps", "└── No answer: it did not stop asking"),
        ("Ask: How many?\n", "unreadable", "└── No answer that can be read"),
    ],
)
def test_a_missing_answer_says_why(text: str, reason: FinishReason, shown: str):
    assert draw(tree(solved(text, reason=reason))).splitlines()[3] == shown


def test_what_an_untrained_student_wrote_is_shown_as_it_is():
    scene = solved("The answer is 45.\nThe answer is 46.", reason="unreadable")
    assert draw(tree(scene)).splitlines()[2:5] == [
        "├──   The answer is 45.",
        "│     The answer is 46.",
        "└── No answer that can be read",
    ]


FRAMES = [
    ("", ["└── █"]),
    ("Ask:", ["└── █"]),
    (" How many", ["└── How many█"]),
    (" tins?\n", ["└── How many tins?█"]),
    ("Wor", ["└── How many tins?█"]),
    ("k: He", ["└── How many tins?", "      He█"]),
    (" has 5*12 = <<", ["└── How many tins?", "      He has 5*12 = ‹█"]),
    ("5*12=", ["└── How many tins?", "      He has 5*12 = ‹█"]),
    ("60>>", ["└── How many tins?", "      He has 5*12 = ‹60›█"]),
    ("6", ["└── How many tins?", "      He has 5*12 = ‹60›█"]),
    ("0", ["└── How many tins?", "      He has 5*12 = ‹60›█"]),
    (" tins.", ["└── How many tins?", "      He has 5*12 = ‹60› tins.█"]),
    ("\n", ["└── How many tins?", "      He has 5*12 = ‹60› tins.█"]),
    ("Ask: How", ["├── How many tins?", "│   ✓ He has 5*12 = ‹60› tins.", "└── How█"]),
    (" so?\n####", ["├── How many tins?", "│   ✓ He has 5*12 = ‹60› tins.", "├── How so?", "└── Answer: █"]),
    (" 60", ["├── How many tins?", "│   ✓ He has 5*12 = ‹60› tins.", "├── How so?", "└── Answer: 60█"]),
]


def test_a_whole_solve_frame_by_frame():
    scene = after(Opened(Problem("How many?"), calculator=True))
    for text, rows in FRAMES:
        scene = scene.after(Wrote(Problem("How many?").id, text, "student"))
        assert draw(tree(scene)).splitlines()[1:-1] == rows


def test_a_tree_that_was_stopped_has_no_cursor():
    assert draw(tree(written("Ask: How many"), stopped=True)).splitlines()[2] == "└── How many"
    assert draw(tree(written(""), stopped=True)).splitlines()[2] == "└──"


def test_the_foot_tells_who_writes_and_how_long_it_takes():
    scene = after(Opened(TINS, calculator=False), *(Wrote(TINS.id, t, "solver") for t in ("Work:", " He")))
    assert draw(tree(scene, 0.5)).splitlines()[-2] == "2 tokens · 4 tokens/s · 0.5 s · calculator off"
    assert draw(tree(scene, 0.5)).splitlines()[-1] == "the solver writes"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12/60 = $<<12/60=0.2>>0.2 a minute", "✓ 12/60 = $‹0.2› a minute"),
        ("$12 / 60 = $<<12/60=0.2>>0.20 a minute", "✓ $12 / 60 = $‹0.2›0.20 a minute"),
        ("3 x 4 = <<3*4=12>>12.", "✓ 3 x 4 = ‹12›."),
        ("3*4 = <<3*4=12>>12.5", "✓ 3*4 = ‹12›12.5"),
        ("3*4 = <<3*4=12>>120", "✓ 3*4 = ‹12›120"),
        ("13*4 = <<3*4=12>>12", "✓ 13*4 = ‹3*4=12›"),
        ("In all <<3+4=7>>7 pens", "✓ In all ‹3+4=7› pens"),
        ("3+4 = <<3+4=7>>7+5 = <<7+5=12>>12", "✓ 3+4 = ‹7›+5 = ‹12›"),
        ("1+1 = <<1+1=3>>3, 2+2 = <<2+2=4>>4", "✗ 1+1 = ‹3 ✗›, 2+2 = ‹4›"),
        ("half = <<the half=5>>5", "  half = ‹the half=5›"),
        ("<<5*12=", "  <<5*12="),
        ("<<>> << >>", "  <<>> << >>"),
    ],
)
def test_a_mark_is_shown_once(text: str, shown: str):
    assert draw(branches(Problem("?"), (Step("", text),), None)).splitlines()[1] == f"└── {shown}"


def test_a_trace_is_a_tree_too():
    assert (
        draw(branches(Problem("How many?"), (Step("Which?", "1+1 = <<1+1=2>>2"),), "2"))
        == """\
How many?
├── Which?
│   ✓ 1+1 = ‹2›
└── Answer: 2
"""
    )


def test_a_tree_without_a_problem_is_empty():
    assert draw(tree(Scene())) == ""


# Hostile text

ESC, CSI, OSC, ST = "\x1b", "\x9b", "\x9d", "\x9c"

HOSTILE = [
    (f"{ESC}]0;owned\x07safe", "safe"),
    (f"{ESC}]2;owned{ESC}\\safe", "safe"),
    (f"{ESC}]52;c;b3duZWQ=\x07safe", "safe"),
    (f"{ESC}]8;;https://example.org{ESC}\\click{ESC}]8;;{ESC}\\ safe", "click safe"),
    (f"{OSC}0;owned{ST}safe", "safe"),
    (f"{ESC}]0;no end, safe", "0;no end, safe"),
    (f"{ESC}[2J{ESC}[1;1Hsafe", "safe"),
    (f"{CSI}2J{CSI}31msafe{CSI}0m", "safe"),
    (f"{ESC}Pq#0;2;0;0;0{ESC}\\safe", "safe"),
    (f"{ESC}csafe{ESC}(0{ESC}7{ESC}", "safe"),
    (f"{ESC}{ESC}[31msafe", "safe"),
    ("sa\x07\x08\x7ffe", "safe"),
    ("wrong\rsafe", "wrong safe"),
    ("one\r\ntwo", "one two"),
    ("one\ttwo", "one two"),
    ("sa\x00fe", "sa\ufffdfe"),
    ("\ufeffsafe", "[U+FEFF]safe"),
    ("safe \u202eefas", "safe [U+202E]efas"),
    ("\u2066safe\u2069", "[U+2066]safe[U+2069]"),
    ("sa\u200bfe\u200f", "sa[U+200B]fe[U+200F]"),
    ("sa\u00adfe\U000e0041", "sa[U+00AD]fe[U+E0041]"),
    ("safe \ud83d", "safe \ufffd"),
    ("[red]safe[/red]", "[red]safe[/red]"),
    ("[/INST] safe", "[/INST] safe"),
    ("[link=https://example.org]safe[/link]", "[link=https://example.org]safe[/link]"),
    (":smiley: safe", ":smiley: safe"),
    ("list[str] safe", "list[str] safe"),
    (
        "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
        "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    ),
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f", "\U0001f468\U0001f469\U0001f467 \u2764"),
    ("e\u0301te\u0301", "e\u0301te\u0301"),
    ("z" + "\u0301" * 9, "z" + "\u0301" * 3),
]


def on_terminal(text: str, width: int = 60) -> str:
    """What a terminal shows after `text`, as one line; nothing but colours may have steered it."""
    left = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not [sign for sign in left if unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign != "\n"]
    screen = pyte.Screen(width, 60)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    assert (screen.title, screen.icon_name) == ("", "")
    return " ".join(" ".join(screen.display).split())


def coloured(renderable: object, width: int = 60) -> str:
    console = Console(width=width, force_terminal=True, color_system="truecolor", legacy_windows=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_t11_t12_safe_text_says_what_can_be_seen(text: str, shown: str):
    assert line(text) == shown


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_t11_t12_a_terminal_shows_text_and_obeys_nothing(text: str, shown: str):
    assert on_terminal(coloured(safe(text))) == unicodedata.normalize("NFC", shown)


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_t11_t12_hostile_text_anywhere_in_a_tree_is_only_text(text: str, shown: str):
    problem = Problem(f"Q {text}", gold=f"G {text}", context=f"C {text}")
    steps = (Step(f"A {text}", f"W {text}"),)
    prediction = Prediction(problem.id, steps, f"E {text}", False, "answered", True, 1, 1.0, "")
    shown = unicodedata.normalize("NFC", shown)
    screen = on_terminal(coloured(tree(after(Solved(problem, prediction))), width=200), width=200)
    screen = screen.replace("│ ", "")
    for place in "QGCAWE":
        assert f"{place} {shown}" in screen
    growing = after(
        Opened(problem, calculator=True), Wrote(problem.id, f"Ask: A {text}\nWork: W {text}", "student")
    )
    on_terminal(coloured(tree(growing)))


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_t11_t12_hostile_names_and_reasons_are_only_text(text: str, shown: str):
    card = Scorecard(text, text, True, 1, 1, 1.0, 0.2, 1.0, 0.0, 0.0, 9, 1.0)
    happened: list[Event] = [
        Noted(text),
        AnnotateBegan(text, 2, 0),
        Refused(TINS, f"no reply: {text}"),
        DistillBegan(text, "student", 1, 1, 0, 1, 1, text, text),
        Saved(text, text, 1.0),
        BenchBegan(text, text, 1, 0, True),
        Tallied(card),
        BenchBegan(text, text, 1, 0, True),
    ]
    scene = after(*happened[:3], Judged(0, {"no-reply": 1}), *happened[3:])
    on_terminal(coloured(picture(scene), width=100), width=100)
    for event in happened:
        said = plain(event)
        assert said is not None
        assert "\n" not in said
        assert shown in said
        on_terminal(said)


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_t12_the_guides_stay_in_their_columns(text: str, shown: str):
    rows = draw(branches(Problem("?"), (Step(text, text), Step(text, text)), "1"), width=40).splitlines()
    assert {row[:4] for row in rows[1:]} <= {"├── ", "│   ", "└── "}


@given(st.text(st.characters()) | st.binary().map(lambda raw: raw.decode("latin-1")), st.integers(0, 50))
@example("\x1b]8;;x\x1b\\", 5)
@example("\ud83d\ude00", 50)
def test_t11_safe_never_fails_and_leaves_no_control_character(text: str, limit: int):
    shown = safe(text, limit).plain
    assert not [
        sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign != "\n"
    ]
    shown.encode("utf-8")
    coloured(safe(text, limit))


SEEN = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters that have a shape: signs that span Arabic and Kaithi digits."""


def test_t12_every_format_character_without_a_shape_is_named():
    unseen = [n for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf" and n not in SEEN]
    assert len(unseen) > 140
    assert [n for n in unseen if safe(chr(n)).plain != f"[U+{n:04X}]"] == []


def test_t11_a_megabyte_is_cut_and_counted_in_no_time():
    for noise in ("x", "\x1b]", "\x9d", "<<", "\u0301", "\u202e", "\x1b[", "5*12=<<"):
        text = noise * (1_000_000 // len(noise))
        began = time.process_time()
        assert safe(text).plain.endswith(f"... {len(text) - 4000:,} characters left out")
        problem = Problem(text, context=text)
        draw(tree(written(f"Ask: {text}\nWork: {text}", problem=problem)))
        assert time.process_time() - began < 2.0  # a twentieth as a rule; what is quadratic takes minutes


def test_what_is_left_out_is_counted():
    assert safe("abcdefgh", limit=3).plain == "abc... 5 characters left out"
    assert safe("abc", limit=3).plain == "abc"


def test_safe_text_is_never_markup():
    assert safe("[bold]x[/bold]", style="cyan") == Text("[bold]x[/bold]", "cyan")


# Progress


def annotated(dollars: float | None = None, budget: float | None = None, done: int = 10) -> Scene:
    """Twenty problems told, half a minute of work; one trace more was judged, of a problem asked again."""
    refused = {"wrong-answer": 2, "wrong-arithmetic": 2, "no-reply": 1}
    return after(
        AnnotateBegan("gpt-x", 40, done),
        *[Traced(TINS, Trace(TINS.id, (), "45", "gpt-x"))] * 16,
        *[Refused(TINS, "wrong answer")] * 3,
        Refused(TINS, "no reply: HTTP 503"),
        Judged(16, refused, 9_000, 6_000, dollars, budget),
    )


def test_annotating_shows_the_funnel_what_it_took_and_how_fast_it_goes():
    assert (
        draw(annotating(annotated(0.25, 12.5), 10.0), width=80)
        == """\
Annotating with gpt-x
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────  30 of 40
asked              21  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  100.0 %
answered           20  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━     95.2 %
read               20  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━     95.2 %
right answer       18  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━         85.7 %
right steps        16  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━             76.2 %
kept               16  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━             76.2 %
right answer, wrong steps 2
refused: 2 wrong-answer · 2 wrong-arithmetic · 1 no-reply
last without a reply: HTTP 503
spent $0.2500 of $12.50 · about $0.3750 in all
2.1 requests/s · 600 tokens/s written · 0:05 left
"""
    )


def test_in_forty_columns_of_ascii_the_same_is_shown_and_without_a_price_the_tokens():
    assert (
        draw(annotating(annotated(), 10.0), width=40, encoding="ascii")
        == """\
Annotating with gpt-x
######################--------  30 of 40
asked              21  ########  100.0 %
answered           20  #######    95.2 %
read               20  #######    95.2 %
right answer       18  ######     85.7 %
right steps        16  ######     76.2 %
kept               16  ######     76.2 %
right answer, wrong steps 2
refused: 2 wrong-answer
2 wrong-arithmetic, 1 no-reply
last without a reply: HTTP 503
9,000 tokens read, 6,000 written
about 22,500 in all
2.1 requests/s, 600 tokens/s written
0:05 left
"""
    )


def test_where_little_fits_numbers_stay_and_bars_go():
    rows = draw(annotating(annotated(), 10.0), width=28).splitlines()
    assert rows[2:4] == ["asked              21", "answered           20"]


def test_when_all_is_done_nothing_is_projected():
    rows = draw(annotating(annotated(0.25, done=20), 10.0)).splitlines()
    assert rows[-2:] == ["spent $0.2500", "2.1 requests/s · 600 tokens/s written"]


def test_the_steps_of_the_data_cost_nothing_and_have_no_tokens():
    scene = after(AnnotateBegan("reference", 4, 0), Traced(TINS, Trace(TINS.id, (), "45", "x")), Judged(1))
    rows = draw(annotating(scene, 2.0)).splitlines()
    assert rows[-2:] == [
        "kept                1  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━  100.0 %",
        "0.5 a second · 0:06 left",
    ]


def test_a_log_line_and_the_funnel_at_the_end_say_the_same_in_words():
    scene = annotated(0.25, 12.5)
    assert counted(scene, 10.0) == (
        "30 of 40 annotated, 4 refused, spent $0.2500 of $12.50, about $0.3750 in all, "
        "2.1 requests/s, 600 tokens/s written, 0:05 left"
    )
    assert counted(scene) == ("30 of 40 annotated, 4 refused, spent $0.2500 of $12.50, about $0.3750 in all")
    assert scene.annotating is not None
    assert funnelled(scene.annotating.funnel) == (
        "21 asked, 20 answered, 20 read, 18 right answer, 16 right steps, 16 kept; "
        "2 right answer, wrong steps; refused: 2 wrong-answer, 2 wrong-arithmetic, 1 no-reply"
    )


def test_training_shows_the_loss_falling():
    began = DistillBegan("tins-1", "student", 80, 100, 0, 9_000, 134_515_008, "cpu", "fp32")
    steps = [Trained("student", n, 100, 8.0 - n, 1e-4, 1340.4, 93.0) for n in range(1, 8)]
    scene = after(began, *steps, Checkpointed("student", 5))
    assert (
        draw(training(scene))
        == """\
Training the student of tins-1
80 lessons of 9,000 tokens · 135 M parameters · cpu fp32
━━──────────────────────────────────────  7 of 100
loss 1.000  █▇▆▅▃▂▁
1,340 tokens/s · 1:33 left · kept to step 5
"""
    )
    saved = draw(training(scene.after(Saved("tins-1", "/runs/tins-1", 151.0))))
    assert saved.splitlines()[-1] == "Saved in /runs/tins-1 after 2:31"
    assert "loss 1.000  #*+=-._" in draw(training(scene), encoding="ascii")


def test_benching_shows_the_share_so_far_and_then_the_scorecard():
    right = Prediction(TINS.id, (), "45", True, "answered", True, 40, 1.0, "")
    cut = Prediction(TINS.id, (), None, False, "truncated", True, 40, 1.0, "")
    began = BenchBegan("tins:test", "tins-1", 8, 2, True)
    scene = after(began, Scored("tins:test", 1, TINS, right), Scored("tins:test", 2, TINS, cut))
    assert (
        draw(benching(scene, 4.0))
        == """\
Solving tins:test with tins-1, calculator on
━━━━━━━━━━━━━━━━━━━━────────────────────  4 of 8
1 of 2 right · 1 truncated · 0.5 a second · 0:08 left
"""
    )
    assert counted(scene) == "tins:test: 4 of 8 solved, 1 of 2 right"
    unknown = after(BenchBegan("-", "tins-1", None, 0, False), Scored("-", 1, TINS, right))
    assert (
        draw(benching(unknown, 0.0))
        == """\
Solving - with tins-1, calculator off
1 done
1 of 1 right
"""
    )


BEFORE = Scorecard("tins:test", "smollm2-135m", False, 100, 1, 0.01, 0.0018, 0.0545, 0.12, 0.3, 9_000, 60.0)
AFTER = Scorecard("tins:test", "quickstart-1", True, 100, 76, 0.76, 0.6677, 0.8331, 0.0, 0.01, 4_800, 31.0)
YES = Scorecard("foxes", "quickstart-1", True, 50, 30, 0.6, 0.4618, 0.7239, 0.0, 0.0, 500, 3.0, majority=0.54)


def test_scorecards_stand_side_by_side():
    assert (
        draw(scoreboard([BEFORE, AFTER, YES]), width=100)
        == """\
               tins:test     tins:test       foxes
model          smollm2-135m  quickstart-1    quickstart-1
calculator     off           on              on
accuracy       1.0 %         76.0 %          60.0 %
95 % interval  0.2 to 5.5 %  66.8 to 83.3 %  46.2 to 72.4 %
majority                                     54.0 %
problems       100           100             50
unreadable     12.0 %        0.0 %           0.0 %
truncated      30.0 %        1.0 %           0.0 %
tokens each    90            48              10
seconds each   0.6           0.31            0.06
"""
    )


def test_scorecards_stand_one_above_the_other_at_forty_columns():
    assert (
        draw(scoreboard([BEFORE, AFTER]), width=40)
        == """\
               tins:test
model          smollm2-135m
calculator     off
accuracy       1.0 %
95 % interval  0.2 to 5.5 %
problems       100
unreadable     12.0 %
truncated      30.0 %
tokens each    90
seconds each   0.6

               tins:test
model          quickstart-1
calculator     on
accuracy       76.0 %
95 % interval  66.8 to 83.3 %
problems       100
unreadable     0.0 %
truncated      1.0 %
tokens each    48
seconds each   0.31
"""
    )


def test_a_scorecard_tells_what_hides_behind_its_accuracy():
    by_steps = (ByLength(1, 60, 54, 0.8, 0.95), ByLength(2, 40, 22, 0.4, 0.69))
    whole = dataclasses.replace(AFTER, unsound=0.25, looped=0.01, by_steps=by_steps, bench="0a1b2c3d")
    shown = draw(scoreboard([whole, BEFORE]), width=100).splitlines()
    assert shown[8:15] == [
        "looped                1.0 %",
        "right on wrong steps  25.0 %",
        "tokens each           48              90",
        "seconds each          0.31            0.6",
        "1 step                90.0 % of 60",
        "2 steps               55.0 % of 40",
        "bench                 0a1b2c3d",
    ]


def test_a_set_without_gold_answers_has_no_accuracy():
    card = Scorecard("mine", "m", True, 0, 0, 0.0, 0.0, 1.0, 0.0, 0.0, 90, 1.0)
    assert "accuracy" not in draw(scoreboard([card]))
    assert plain(Tallied(card)) == "mine with m: no gold answers to compare with"


def test_a_picture_shows_one_workflow_after_the_other():
    scene = after(AnnotateBegan("reference", 2, 2), BenchBegan("s", "m", 2, 0, True)).after(
        Opened(TINS, True)
    )
    rows = draw(picture(scene, 3.0)).splitlines()
    assert [row.split()[0] for row in rows if row][:1] == ["Annotating"]
    assert rows.count("") == 2
    assert draw(picture(Scene())) == ""


def test_a_plot_names_its_highest_and_lowest_column():
    ramp = " ▁▂▃▄▅▆▇█"
    assert plot([4.0, 3.0, 2.0, 1.0], 4, 2, ramp) == [
        "   4.000 █▃",
        "   1.000 ██▆▁",
    ]
    assert plot([4.0, 4.0, 1.0, 1.0], 2, 2, ramp) == ["   4.000 █", "   1.000 █▁"]
    assert plot([2.0, 2.0], 9, 3, " #") == ["   2.000", "", "   2.000 ##"]
    assert plot([math.nan, 2.0, 1.0], 9, 2, " #") == ["   2.000 ?#", "   1.000 ?##"]
    assert plot([5.0, 1.0], 0, 2, " #") == ["   0.000", "   0.000"]


def test_a_sparkline_is_as_wide_as_it_may_be():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8, UNICODE.ramp) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 1, 8, 8], 2, UNICODE.ramp) == "▁█"
    assert sparkline([5, 5, 5], 9, UNICODE.ramp) == "▁▁▁"
    assert sparkline([1.0, float("nan"), 2.0], 9, ASCII.ramp) == "_?#"
    assert sparkline([float("inf")], 9, ASCII.ramp) == "?"
    assert sparkline([], 9, ASCII.ramp) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (9.6, "0:10"),
        (93, "1:33"),
        (3723, "1:02:03"),
        (float("inf"), "?:??"),
        (float("nan"), "?:??"),
    ],
)
def test_seconds_are_minutes_and_seconds(seconds: float, shown: str):
    assert clock(seconds) == shown


# Lines


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Noted("fetching 138 MB"), "fetching 138 MB"),
        (AnnotateBegan("gpt-x", 1_000, 20), "annotating 1,000 problems with gpt-x, 20 done before"),
        (Traced(TINS, Trace(TINS.id, (), "45", "gpt-x")), None),
        (Refused(TINS, "ends in 9"), f"refused {TINS.id}: ends in 9"),
        (Judged(1, {"truncated": 2}), None),
        (
            DistillBegan("tins-1", "solver", 80, 100, 40, 9_000, 134_515_008, "cpu", "fp32"),
            "training the solver of tins-1: 80 lessons of 9,000 tokens, 100 steps, 135 M parameters, "
            "cpu fp32, going on from step 40",
        ),
        (
            Trained("solver", 41, 100, 1.25, 1e-4, 1340.4, 93.0),
            "solver step 41 of 100, loss 1.250, 1,340 tokens/s, 1:33 left",
        ),
        (Checkpointed("solver", 41), "solver kept to step 41"),
        (Saved("tins-1", "/runs/tins-1", 151.0), "run tins-1 saved in 2:31: /runs/tins-1"),
        (Opened(TINS, calculator=True), TINS.question),
        (Wrote(TINS.id, "Ask: ", "student"), None),
        (
            Solved(TINS, Prediction(TINS.id, (), "40", False, "answered", True, 84, 2.4, "")),
            "Answer: 40 x right is 45, 84 tokens, 35 tokens/s, 2.4 s, calculator on",
        ),
        (
            BenchBegan("tins:test", "tins-1", 100, 0, False),
            "solving 100 problems of tins:test with tins-1, calculator off, 0 done before",
        ),
        (
            Scored("tins:test", 7, TINS, Prediction(TINS.id, (), "45", True, "answered", True, 84, 2.4, "")),
            "tins:test 7: Answer: 45 ok",
        ),
        (
            Tallied(AFTER),
            "tins:test with quickstart-1: 76.0 % right of 100 (95 % interval 66.8 to 83.3 %), "
            "0.0 % unreadable, 1.0 % truncated, calculator on",
        ),
    ],
)
def test_each_event_is_one_line_or_none(event: Event, said: str | None):
    assert plain(event) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ask: How many tins?", "How many tins?"),
        ("Work: He stacks 5*12 = <<5*12=60>>60 tins.", "  He stacks 5*12 = ‹60› tins."),
        ("#### 45", "Answer: 45"),
        ("The answer is 45.", "The answer is 45."),
        ("  ", None),
    ],
)
def test_a_transcript_is_told_line_by_line(text: str, said: str | None):
    assert told(text, UNICODE) == said


# ---- votes


def test_the_share_of_the_votes_stands_beside_each_answer():
    problem = Problem("What do 2 teas at $3 cost?", "6")
    scene = Scene().after(Opened(problem, calculator=True))
    for text, share in (
        ("Ask: How much?\nWork: 2*3 = ", None),
        ("<<2*3=6>>6.\n", 0.75),
        ("####", None),
        (" 6", 1.0),
    ):
        scene = scene.after(Wrote(problem.id, text, "solver", share=share))
    assert draw(tree(scene), 40).splitlines()[:4] == [
        "What do 2 teas at $3 cost?",
        "├── How much?",
        "│   ✓ 2*3 = ‹6›. 75 %",
        "└── Answer: 6█ 100 %",
    ]
    assert scene.solving.votes == ((0.75,), 1.0)


def test_one_share_for_a_whole_transcript_is_that_of_the_answer():
    problem = Problem("What do 2 teas at $3 cost?")
    scene = Scene().after(Opened(problem, calculator=True))
    scene = scene.after(Wrote(problem.id, "Ask: How much?\nWork: 6.\n#### 6", "student", share=0.4))
    assert scene.solving.votes == ((), 0.4)
