"""Results as one picture: a standalone SVG file with the losses of the training and the accuracy by steps.

It stands beside the file of results that it is made from, follows a reader's dark or light setting on a
ground of its own, and needs neither script nor font.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from socli.report.markup import Html, tag
from socli.report.paper import Section, sections
from socli.report.results import FORMAT, Results

WIDTH, LEFT, PANEL, GAP = 720, 52, 190, 74
"""In pixels: the picture's width, room for the numbers of an axis, a panel's height, and what is between."""
FEW = 10
"""Problems of a number of steps below which its accuracy is not drawn."""
STYLE = """
.paper { fill: #fdfcf9 }
text { font: 12px system-ui, sans-serif; fill: #22242a } .soft { fill: #5d626e }
.axis { stroke: #b9b6ad } .line { fill: none; stroke-width: 2 }
.a0 { stroke: #1f5fa8 } .a1 { stroke: #b5530a } .a2 { stroke: #1c7a43 } .a3 { stroke: #8a3fa0 }
.a4 { stroke: #8a6d00 } .a5 { stroke: #b02a5b }
@media (prefers-color-scheme: dark) {
  .paper { fill: #16181d } text { fill: #e6e6e3 } .soft { fill: #a3a8b3 } .axis { stroke: #50555f }
  .a0 { stroke: #82b4f2 } .a1 { stroke: #f2a65e } .a2 { stroke: #6fce96 } .a3 { stroke: #d09ae4 }
  .a4 { stroke: #dcc358 } .a5 { stroke: #f58bb0 }
}
"""
COLOURS = 6
DASHES = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: what it is called, whose colour and which dashes it has, and its points."""

    name: str
    colour: int
    dash: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A diagram from 0 to the largest value on both axes; `percent` says whether its height is a share."""

    title: str
    across: str
    lines: tuple[Line, ...]
    percent: bool


def picture(results: Results) -> str:
    """The SVG file; an empty panel is left out."""
    arms = {arm: n for n, arm in enumerate(results.wanted)}
    panels = [one for one in (_losses(results, arms), *_steps(results, arms)) if one.lines]
    drawn = [
        tag("title", f"{results.name}: losses and right answers by steps"),
        tag("desc", f"Made of {results.name}.json, {FORMAT}"),
        tag("style", Html(STYLE)),
        tag("rect", width="100%", height="100%", class_="paper"),
    ]
    top = 0
    for panel in panels:
        height, parts = _drawn(panel)
        drawn.append(tag("g", parts, transform=f"translate(0 {top})"))
        top += height
    place = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {top}"}
    body = tag("svg", drawn, **place, width=WIDTH, height=top, role="img")
    return f"{body}\n"


def _losses(results: Results, arms: dict[str, int]) -> Panel:
    """The loss of each role of each arm, the mean of its seeds."""
    lines = []
    for arm, colour in arms.items():
        mine = [one for one in results.curves if one.arm == arm]
        for dash, role in enumerate(dict.fromkeys(one.role for one in mine)):
            some = [one.loss for one in mine if one.role == role]
            points = tuple(
                (float(fmean(step for step, _ in column)), fmean(loss for _, loss in column))
                for column in zip(*some, strict=False)
            )
            name = arm if role == "student" else f"{arm}, {role}"
            lines.append(Line(name, colour, dash, points))
    return Panel("Loss in training, nats a token", "steps", tuple(lines), percent=False)


def _steps(results: Results, arms: dict[str, int]) -> Iterator[Panel]:
    """The accuracy by number of reference steps, a panel for each set and setting of the calculator."""
    for section in sections(results):
        calculator = f"calculator {'on' if section.calculator else 'off'}"
        lines = [
            Line(row.arm, arms[row.arm], 0, points)
            for row in section.rows
            if row.arm in arms and len(points := _by_count(section, row.arm)) > 1
        ]
        title = f"Right answers, {section.items.set}, {calculator}"
        yield Panel(title, "steps of the problem", tuple(lines), percent=True)


def _by_count(section: Section, arm: str) -> tuple[tuple[float, float], ...]:
    steps = section.items.steps
    row = next(one for one in section.rows if one.arm == arm)
    found = []
    for count in sorted({steps[n] for n in row.places} - {0}):
        places = [n for n in row.places if steps[n] == count]
        if len(places) >= FEW:
            found.append((float(count), fmean(map(fmean, row.outcomes(places)))))
    return tuple(found)


def _drawn(panel: Panel) -> tuple[int, list[Html]]:
    """A panel's height with its legend, and its parts."""
    widest = max(x for line in panel.lines for x, _ in line.points)
    first = min(x for line in panel.lines for x, _ in line.points) if panel.percent else 0.0
    highest = max(y for line in panel.lines for _, y in line.points) or 1.0
    top, width = 30, WIDTH - LEFT - 16

    def place(x: float, y: float) -> str:
        across = (x - first) / ((widest - first) or 1.0)
        return f"{LEFT + width * across:.1f},{top + PANEL * (1 - y / highest):.1f}"

    said = f"{100 * highest:.1f} %" if panel.percent else f"{highest:.2f}"
    bottom = top + PANEL
    parts = [
        tag("text", panel.title, x=LEFT, y=16),
        tag("path", d=f"M{LEFT} {top}V{bottom}H{WIDTH - 16}", class_="axis line"),
        tag("text", said, x=LEFT - 6, y=top + 5, text_anchor="end", class_="soft"),
        tag("text", "0", x=LEFT - 6, y=bottom, text_anchor="end", class_="soft"),
        tag("text", f"{first:g}", x=LEFT, y=bottom + 16, class_="soft"),
        tag(
            "text",
            f"{widest:,.0f} {panel.across}",
            x=WIDTH - 16,
            y=bottom + 16,
            text_anchor="end",
            class_="soft",
        ),
    ]
    for line in panel.lines:
        points = " ".join(place(x, y) for x, y in line.points)
        parts.append(_stroke("polyline", line, points=points))
    legend, height = _legend(panel.lines, bottom + 38)
    return height + GAP - 38, [*parts, *legend]


def _stroke(name: str, line: Line, **where: str) -> Html:
    """A line in the colour of its arm."""
    dash = DASHES[line.dash % len(DASHES)]
    return tag(name, class_=f"line a{line.colour % COLOURS}", stroke_dasharray=dash or None, **where)


def _legend(lines: Sequence[Line], top: int) -> tuple[list[Html], int]:
    """What the lines are called, side by side as far as there is room; and where it ends."""
    parts: list[Html] = []
    x, y = LEFT, top
    for line in lines:
        needed = 44 + 7 * len(line.name)
        if x > LEFT and x + needed > WIDTH:
            x, y = LEFT, y + 18
        parts += [
            _stroke("path", line, d=f"M{x} {y - 4}h24"),
            tag("text", line.name, x=x + 30, y=y),
        ]
        x += needed
    return parts, y
