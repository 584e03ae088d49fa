"""The screen of a command: shows each event as it passes, then lets it go on.

    with Screen(mode(sys.stderr.isatty())) as screen:
        for event in screen.follow(distill(...)):
            ...

Progress is talk and goes to stderr; `solve`, whose tree is what was asked for, gives `sys.stdout`.
"""

import io
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, Self, TextIO, assert_never

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.terminal_theme import SVG_EXPORT_THEME

from socli.events import (
    AnnotateBegan,
    BenchBegan,
    Checkpointed,
    Event,
    Judged,
    Noted,
    Opened,
    Refused,
    Scored,
    Solved,
    Traced,
    Trained,
    Wrote,
    as_json,
)
from socli.screen.progress import counted, picture
from socli.screen.render import ASCII, UNICODE, line, plain, safe, told, tree
from socli.screen.scene import Scene, lacking

Mode = Literal["live", "plain", "json"]
"""A picture that is redrawn, lines as they come, or one JSON object an event."""

FRAMES = 10
"""Frames a second at most. A tree of four steps takes 1.5 ms of one core to draw."""
PAUSE = 5.0
"""Seconds between two lines that only say how far a workflow is."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
.{unique_id}-matrix {{ font: {char_height}px "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace }}
.{unique_id}-title {{ font: 16px Menlo, Consolas, monospace; opacity: 0.6 }}
{styles}
</style>
<defs>
{lines}
</defs>
{chrome}
<g class="{unique_id}-matrix" transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
{matrix}
</g>
</svg>
"""


def mode(stream_is_terminal: bool, json: bool = False) -> Mode:
    """How to show events on a stream."""
    if json:
        return "json"
    return "live" if stream_is_terminal and os.environ.get("TERM") != "dumb" else "plain"


class Screen:
    """A context manager that follows a workflow's events and keeps the scene they make.

    `stream` is stderr where none is given. On any way out, Ctrl-C included, the last frame stays
    and the terminal is as it was.
    """

    def __init__(
        self, mode: Mode, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.scene = Scene()
        self._mode = mode
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._began = clock()
        self._stopped = False
        self._bottom: _Bottom | None = None
        self._log = _Log(self._stream, clock)
        self._console = Console(file=self._stream, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._frame,
            refresh_per_second=FRAMES,
            # what a command prints to a pipe is data and must not be drawn above the picture
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors="replace")  # a sign the terminal lacks is no reason to stop
        if self._mode == "live":
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        match self._mode:
            case "live":
                with _undisturbed():
                    self._live.stop()
            case "plain":
                self._log.end()
            case "json":
                pass
            case _:
                assert_never(self._mode)

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events in the same order, each shown before it is handed on."""
        for event in events:
            self.show(event)
            yield event

    def show(self, event: Event) -> None:
        """Take one event into the scene and show it."""
        if isinstance(event, AnnotateBegan | BenchBegan | Opened):
            self._began = self._clock()
        before, self.scene = self.scene, self.scene.after(event)
        match self._mode:
            case "live":
                if isinstance(event, Noted):
                    self._console.print(safe(event.text))
                elif isinstance(event, Opened) and before.solving and before.solving.solved:
                    self._console.print(tree(before))  # the next tree grows below it
            case "plain":
                self._log.show(event, self.scene, self._began)
            case "json":
                print(json.dumps(_finite(as_json(event))), file=self._stream, flush=True)
            case _:
                assert_never(self._mode)

    def _frame(self) -> RenderableType:
        shown = picture(self.scene, self._clock() - self._began, stopped=self._stopped)
        if self._bottom:  # a terminal that became narrower broke the lines of the last frame
            broken = sum(max(0, cells - 1) // self._console.width for cells in self._bottom.cells)
            up = (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)
            self._console.control(Control(*up * broken))
        self._bottom = _Bottom(shown, whole=self._stopped)
        return self._bottom


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C is not heard for the milliseconds in which the last frame is drawn."""
    if threading.current_thread() is not threading.main_thread():  # elsewhere Ctrl-C is not heard at all
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


class _Bottom:
    """The lines of a picture that fit the terminal: where it is too tall, the last ones, which grow."""

    def __init__(self, picture: RenderableType, *, whole: bool) -> None:
        self._picture = picture
        self._whole = whole
        self.cells: list[int] = []
        """Width of each line that was drawn."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = console.render_lines(self._picture, options, pad=False)
        shown = rows if self._whole else rows[-max(1, options.size.height - 1) :]
        self.cells = [Segment.get_line_length(row) for row in shown]
        for row in shown:
            yield from row
            yield Segment.line()


class _Log:
    """Events as lines. What only says how far a workflow is comes every `PAUSE` seconds and at its end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._signs = UNICODE if (getattr(stream, "encoding", "") or "utf-8").startswith("utf") else ASCII
        self._next = -math.inf
        self._held: str | None = None
        self._written = ""

    def show(self, event: Event, scene: Scene, began: float) -> None:
        """`began`: when the last workflow did, on the clock."""
        match event:
            case Trained():
                self._sometimes(lambda _: plain(event))
            case Traced() | Refused() | Judged() | Scored():
                self._sometimes(lambda now: counted(scene, now - began))
            case Checkpointed():
                self._print(plain(event))
            case Wrote():
                if scene.solving and scene.solving.last is event:
                    self._write(event.text)
            case Solved():
                self._solved(event, scene)
            case Noted():
                self._say_held()  # what was counted before it
                self._talk(event)
            case _:
                self.end()
                self._print(plain(event))

    def end(self) -> None:
        """Print what waits."""
        self._say_held()
        self._write("\n" if self._written else "")

    def _say_held(self) -> None:
        self._print(self._held)
        self._held = None

    def _solved(self, event: Solved, scene: Scene) -> None:
        if scene.solving and scene.solving.last is None:
            self._write(event.prediction.text)
        self.end()
        if event.prediction.answer is None:
            self._print(lacking(event.prediction.finish_reason))
        self._talk(event)

    def _sometimes(self, say: Callable[[float], str | None]) -> None:
        now = self._clock()
        self._held = said = say(now)
        if now >= self._next:
            self._next = now + PAUSE
            self._print(said)
            self._held = None

    def _write(self, text: str) -> None:
        *whole, self._written = (self._written + text).split("\n")
        for one in whole:
            self._print(told(one, self._signs))

    def _print(self, said: str | None) -> None:
        if said is not None:
            print(said, file=self._stream, flush=True)

    def _talk(self, event: Event) -> None:
        """To stderr whatever the stream: a piped `solve` gives the transcript and nothing else."""
        sys.stderr.write(f"{plain(event)}\n")


def svg(scene: Scene, title: str, width: int = 72) -> str:
    """The tree of a scene as a picture that needs no font or page from elsewhere."""
    console = Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(tree(scene, stopped=True))
    return console.export_svg(title=line(title), theme=SVG_EXPORT_THEME, code_format=_SVG)


def _finite(event: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN; a loss that is not a number is null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in event.items()
    }
