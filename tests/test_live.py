"""The screen in its three modes: on a terminal, as lines, as JSON."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

import pyte
import pytest
from doubles import draw

from socli.events import (
    AnnotateBegan,
    BenchBegan,
    Checkpointed,
    DistillBegan,
    Event,
    Noted,
    Opened,
    Saved,
    Scored,
    Solved,
    Tallied,
    Traced,
    Trained,
    Wrote,
    as_json,
)
from socli.problem import Prediction, Problem, Scorecard, Step, Trace
from socli.screen.live import Screen, mode, svg
from socli.screen.render import tree
from socli.screen.scene import Scene

PLUMS = Problem("Eva fills 3 jars with 8 plums each. How many plums?", gold="24")
WRITTEN = ("Ask: How many", " plums?\n", "Work: 3*8 = <<3*8=", "24>>", "24 plums.\n", "#### 24")
PREDICTION = Prediction(
    PLUMS.id,
    (Step("How many plums?", "3*8 = <<3*8=24>>24 plums."),),
    "24",
    True,
    "answered",
    True,
    20,
    0.5,
    "".join(WRITTEN),
)
SOLVE: list[Event] = [
    Noted("run plums-1"),
    Opened(PLUMS, calculator=True),
    *(Wrote(PLUMS.id, text, "student", computed=text == "24>>") for text in WRITTEN),
    Solved(PLUMS, PREDICTION),
]
TREE = """\
Eva fills 3 jars with 8 plums each. How many plums?
├── How many plums?
│   ✓ 3*8 = ‹24› plums.
└── Answer: 24 ✓
20 tokens · 40 tokens/s · 0.5 s · calculator on
"""


class Clock:
    """A second passes each time somebody looks."""

    def __init__(self, tick: float = 1.0) -> None:
        self.now = 0.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


class Terminal(io.StringIO):
    """A file that says it is a terminal, and what such a terminal would show."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def screen(self, width: int = 60, height: int = 25) -> list[str]:
        screen = pyte.Screen(width, height)
        pyte.Stream(screen).feed(self.getvalue().replace("\n", "\r\n"))
        assert not screen.cursor.hidden
        return [row.rstrip() for row in screen.display]


@pytest.fixture(autouse=True)
def _sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "25")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def shown(events: list[Event], how: str, clock: Callable[[], float] | None = None) -> list[str]:
    out = io.StringIO()
    with Screen(how, out, clock=clock or Clock(0.0)) as screen:
        assert list(screen.follow(events)) == events
    return out.getvalue().splitlines()


def test_the_mode_follows_the_stream(monkeypatch: pytest.MonkeyPatch):
    assert mode(True) == "live"
    assert mode(False) == "plain"
    assert mode(True, json=True) == mode(False, json=True) == "json"
    monkeypatch.setenv("TERM", "dumb")
    assert mode(True) == "plain"


@pytest.mark.parametrize("how", ["live", "plain", "json"])
def test_events_pass_one_by_one_unchanged_and_in_order(how: str):
    passed: list[Event] = []

    def happening() -> Iterator[Event]:
        for n, event in enumerate(SOLVE):
            assert len(passed) == n  # nothing is read ahead
            yield event

    with Screen(how, Terminal()) as screen:
        for event in screen.follow(happening()):
            passed.append(event)
            assert screen.scene != Scene()
    assert all(one is other for one, other in zip(passed, SOLVE, strict=True))


def test_the_last_frame_stays_on_the_terminal():
    out = Terminal()
    with Screen("live", out) as screen:
        list(screen.follow(SOLVE))
    rows = out.screen()
    assert rows[0] == "run plums-1"
    assert "\n".join(rows[1:6]) + "\n" == TREE
    assert rows[6:] == [""] * 19


def stopped_by(error: type[BaseException], out: Terminal) -> None:
    with Screen("live", out) as screen:
        for event in screen.follow(SOLVE):
            if isinstance(event, Wrote) and event.computed:
                raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_t18_whatever_stops_it_the_cursor_is_back_and_the_last_frame_stays(error: type[BaseException]):
    out = Terminal()
    with pytest.raises(error):
        stopped_by(error, out)
    assert out.screen()[1:5] == [
        "Eva fills 3 jars with 8 plums each. How many plums?",
        "└── How many plums?",
        "      3*8 = ‹24›",
        out.screen()[4],
    ]
    assert out.screen()[4].startswith("3 tokens")
    assert "\x1b[?25h" in out.getvalue()


def test_one_problem_after_the_other_leaves_both_trees():
    other = Problem("And 2 jars?")
    out = Terminal()
    with Screen("live", out) as screen:
        list(screen.follow([*SOLVE, Opened(other, calculator=True), Wrote(other.id, "#### 16", "student")]))
    assert [row for row in out.screen() if row.startswith("└── Answer")] == [
        "└── Answer: 24 ✓",
        "└── Answer: 16",
    ]


def test_a_tree_that_is_too_tall_shows_its_end_and_at_last_the_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINES", "8")
    asked = "".join(f"Ask: Question {n}?\n" for n in range(20))
    out = Terminal()
    with Screen("live", out) as screen:
        list(screen.follow([Opened(PLUMS, calculator=True), Wrote(PLUMS.id, asked, "student")]))
        screen._live.refresh()
        growing = out.getvalue()
    assert "Question 19" in growing
    assert "Question 2?" not in growing
    assert [row for row in out.screen(height=40) if "Question" in row] == [
        f"{'└' if n == 19 else '├'}── Question {n}?" for n in range(20)
    ]


def test_nothing_that_happened_is_nothing_shown():
    out = Terminal()
    with Screen("live", out):
        pass
    assert out.screen() == [""] * 25


def test_no_colour_is_asked_for_and_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    with Screen("live", out) as screen:
        list(screen.follow(SOLVE))
    assert "\x1b[36m" not in out.getvalue()
    assert "\n".join(out.screen()[1:6]) + "\n" == TREE


def test_t11_a_note_is_only_text_on_a_live_screen():
    out = Terminal()
    with Screen("live", out) as screen:
        list(screen.follow([Noted("[/red] \x1b]0;owned\x07\u202etxt")]))
    assert out.screen()[0] == "[/red] [U+202E]txt"
    assert "owned" not in out.getvalue()


def test_a_piped_solve_is_the_transcript_as_it_grows(capsys: pytest.CaptureFixture[str]):
    out = io.StringIO()
    with Screen("plain", out) as screen:
        seen = [out.getvalue().count("\n") for _ in screen.follow(SOLVE)]
    assert (
        out.getvalue()
        == """\
Eva fills 3 jars with 8 plums each. How many plums?
How many plums?
  3*8 = ‹24› plums.
Answer: 24
"""
    )
    assert seen == [0, 1, 1, 2, 2, 2, 3, 3, 4]
    assert capsys.readouterr().err.splitlines() == [
        "run plums-1",
        "Answer: 24 ok, 20 tokens, 40 tokens/s, 0.5 s, calculator on",
    ]


def test_a_piped_solve_that_is_stopped_keeps_the_line_it_was_in():
    assert shown(SOLVE[:5], "plain")[-1] == "  3*8 = <<3*8="


def test_a_piped_solve_says_why_there_is_no_answer():
    cut = Prediction(PLUMS.id, (), None, None, "truncated", True, 9, 0.0, "Ask: How many plums?")
    assert shown([Solved(PLUMS, cut)], "plain") == ["How many plums?", "No answer: it ran out of tokens"]


def test_a_piped_training_tells_every_five_seconds_and_at_the_end():
    began = DistillBegan("plums-1", "student", 9, 30, 0, 99, 1_000_000, "cpu", "fp32")
    steps = [Trained("student", n, 30, 1.0, 1e-4, 100.0, 30.0 - n) for n in range(1, 31)]
    events: list[Event] = [
        began,
        *steps[:9],
        Checkpointed("student", 9),
        *steps[9:],
        Saved("plums-1", "f", 30.0),
    ]
    rows = shown(events, "plain", Clock(0.5))
    assert rows[0].startswith("training the student of plums-1")
    told = [row.split()[2] for row in rows if " step " in row and "loss" in row]
    assert told == ["1", "11", "21", "30"]  # half a second a step
    assert "student kept to step 9" in rows
    assert rows[-1] == "run plums-1 saved in 0:30: f"


def test_a_piped_annotation_and_bench_tell_how_far_they_are():
    trace = Trace(PLUMS.id, (), "24", "reference")
    card = Scorecard("s", "m", True, 3, 3, 1.0, 0.44, 1.0, 0.0, 0.0, 60, 1.5)
    events: list[Event] = [
        AnnotateBegan("reference", 3, 0),
        *[Traced(PLUMS, trace)] * 3,
        BenchBegan("s", "m", 3, 0, True),
        *[Scored("s", n, PLUMS, PREDICTION) for n in (1, 2, 3)],
        Tallied(card),
    ]
    assert shown(events, "plain") == [
        "annotating 3 problems with reference, 0 done before",
        "1 of 3 annotated, 0 refused",
        "3 of 3 annotated, 0 refused",
        "solving 3 problems of s with m, calculator on, 0 done before",
        "s: 3 of 3 solved, 3 of 3 right",
        "s with m: 100.0 % right of 3 (95 % interval 44.0 to 100.0 %), 0.0 % unreadable, 0.0 % truncated, "
        "calculator on",
    ]


def test_json_is_one_object_an_event():
    rows = shown(SOLVE, "json")
    assert [json.loads(row) for row in rows] == json.loads(json.dumps([as_json(event) for event in SOLVE]))
    assert json.loads(rows[0]) == {"event": "noted", "text": "run plums-1"}


def test_t12_json_holds_whatever_was_written_and_no_control_character():
    (row,) = shown([Noted("\x1b[2J \ud800 \u202e \x00 \u05e9")], "json")
    assert row == r'{"event": "noted", "text": "\u001b[2J \ud800 \u202e \u0000 \u05e9"}'


def test_a_loss_that_is_no_number_is_null_in_json():
    (row,) = shown([Trained("student", 1, 2, float("nan"), 1e-4, 9.0, float("inf"))], "json")
    assert json.loads(row)["loss"] is json.loads(row)["seconds_left"] is None


def test_an_ascii_stream_gets_ascii_and_no_error():
    raw = io.BytesIO()
    with Screen("plain", io.TextIOWrapper(raw, encoding="ascii", newline="\n")) as screen:
        list(screen.follow([*SOLVE[1:4], Wrote(PLUMS.id, "Work: 3×8 = <<3*8=24>>24 \u05e9\n", "student")]))
    assert raw.getvalue().splitlines()[-1] == b"  3?8 = [24] ?"


def test_progress_is_on_stderr_where_none_is_named(capsys: pytest.CaptureFixture[str]):
    with Screen("plain") as screen:
        list(screen.follow([AnnotateBegan("reference", 3, 0)]))
    assert capsys.readouterr() == ("", "annotating 3 problems with reference, 0 done before\n")


SCRIPT = textwrap.dedent("""
    import sys, time
    from socli.events import BenchBegan, Opened, Wrote
    from socli.screen.live import Screen, mode
    from socli.problem import Problem

    problem = Problem("Eva fills 3 jars. How many plums?")

    def events():
        yield BenchBegan("s", "m", 9, 0, True)
        yield Opened(problem, True)
        while True:
            yield Wrote(problem.id, "Ask: Why?\\n", "student")
            time.sleep(0.01)

    stream = sys.stdout if sys.argv[1] == "out" else sys.stderr
    with Screen(mode(stream.isatty()), stream) as screen:
        for n, event in enumerate(screen.follow(events())):
            if n == 40:
                print("ready" if sys.argv[1] == "out" else '{"id": 1}', flush=True)
""")


def read_until(end: int, what: bytes) -> bytes:
    got = b""
    while what not in got:
        got += os.read(end, 4096)
    return got


def rest_of(end: int) -> bytes:
    got = b""
    try:
        while more := os.read(end, 4096):
            got += more
    except OSError:  # a terminal whose other end is closed
        pass
    return got


@pytest.mark.parametrize("times", [1, 2])
def test_t18_ctrl_c_in_a_terminal_leaves_it_as_it_was(times: int):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SCRIPT, "out"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE) as child:
        os.close(theirs)
        got = read_until(ours, b"ready")
        for _ in range(times):
            child.send_signal(signal.SIGINT)
        got += rest_of(ours)
        _, complaint = child.communicate(timeout=10)
    os.close(ours)
    assert b"KeyboardInterrupt" in complaint
    screen = pyte.Screen(60, 200)
    pyte.Stream(screen).feed(got.decode())
    assert not screen.cursor.hidden
    assert "└── Why?" in [row.rstrip() for row in screen.display]


def test_what_is_piped_is_never_drawn_on_the_terminal():
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SCRIPT, "err"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as child:
        os.close(theirs)
        assert child.stdout is not None
        assert child.stdout.readline() == b'{"id": 1}\n'
        child.send_signal(signal.SIGINT)
        got = rest_of(ours)
        assert child.stdout.read() == b""
    os.close(ours)
    assert b"Solving" in got
    assert b'"id"' not in got


def test_an_svg_needs_nothing_from_elsewhere():
    scene = Scene()
    for event in SOLVE:
        scene = scene.after(event)
    picture = svg(scene, "socli solve [red] <b> \x1b]0;x\x07\u202e")
    root = ET.fromstring(picture)  # noqa: S314  our own picture
    text = "".join(root.itertext()).replace("\xa0", " ")
    assert "socli solve [red] <b> [U+202E]" in text
    assert "Answer: 24 ✓" in text
    assert "url(http" not in picture
    assert "script" not in picture
    assert picture == svg(scene, "socli solve [red] <b> \x1b]0;x\x07\u202e")
    assert draw(tree(scene)) == TREE


def test_t11_an_svg_of_hostile_text_is_well_formed():
    problem = Problem("<script>&amp;\x1b[2J\x00\ud800\ufffe]]>")
    scene = Scene().after(Opened(problem, calculator=True))
    text = "".join(ET.fromstring(svg(scene, "x")).itertext())  # noqa: S314  our own picture
    assert "<script>&amp;\ufffd\ufffd\ufffd]]>" in text
