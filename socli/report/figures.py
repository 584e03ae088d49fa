"""The pictures of a report as inline SVG: positions in per cent, so that text keeps its size at any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from socli.report.markup import Html, tag


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a picture: where, whose, and what it is called."""

    x: float
    y: float
    arm: int
    label: str


def colour(arm: int) -> str:
    """The class that gives an arm its colour; after six they come again."""
    return f"arm{arm % 6}"


def interval(low: float, value: float, high: float, arm: int, top: float, said: str) -> Html:
    """A dot with its interval on a line from 0 to `top`; `said` is the same in words."""
    x, left, right = (100 * min(1.0, share / top) for share in (value, low, high))
    return tag(
        "svg",
        tag("line", x1="0%", x2="100%", y1=9, y2=9, class_="rule"),
        tag("line", x1=f"{left:.2f}%", x2=f"{right:.2f}%", y1=9, y2=9, class_="reach"),
        tag("circle", cx=f"{x:.2f}%", cy=9, r=4.5, class_="dot"),
        class_=f"interval {colour(arm)}",
        role="img",
        aria_label=said,
        height=18,
    )


def bar(share: float, said: str) -> Html:
    """A bar of a share of the whole width."""
    return tag(
        "svg",
        tag("rect", x=0, y=3, width="100%", height=10, class_="track", rx=2),
        tag("rect", x=0, y=3, width=f"{100 * share:.2f}%", height=10, class_="fill", rx=2),
        class_="bar",
        role="img",
        aria_label=said,
        height=16,
    )


def curves(lines: Sequence[tuple[int, Sequence[tuple[int, float]]]], said: str) -> Html:
    """Losses by step, an arm a colour; both axes begin at 0 and end at the largest value."""
    most = max((step for _, line in lines for step, _ in line), default=0) or 1
    highest = max((loss for _, line in lines for _, loss in line), default=0.0) or 1.0
    drawn = [
        tag(
            "polyline",
            points=" ".join(f"{1000 * x / most:.1f},{300 - 300 * y / highest:.1f}" for x, y in line),
            class_=colour(arm),
        )
        for arm, line in lines
    ]
    picture = tag(
        "svg", drawn, viewBox="0 0 1000 300", preserveAspectRatio="none", role="img", aria_label=said
    )
    return tag(
        "div",
        tag("span", f"{highest:.2f}", class_="top"),
        picture,
        tag("span", "0", class_="zero"),
        tag("span", f"{most:,} steps", class_="end"),
        class_="curves",
    )


def scatter(dots: Sequence[Dot], x_name: str, said: str) -> Html:
    """Accuracy against cost; each dot named beside it, on the side where there is room."""
    wide = max((dot.x for dot in dots), default=0.0) * 1.1 or 1.0
    high = max((dot.y for dot in dots), default=0.0) * 1.15 or 1.0
    drawn = []
    for dot in dots:
        x, y = 100 * dot.x / wide, 100 - 100 * dot.y / high
        right = x < 55
        drawn += [
            tag("circle", cx=f"{x:.2f}%", cy=f"{y:.2f}%", r=5, class_=f"dot {colour(dot.arm)}"),
            tag(
                "text",
                dot.label,
                x=f"{x:.2f}%",
                y=f"{y:.2f}%",
                dx=9 if right else -9,
                dy=4,
                text_anchor="start" if right else "end",
            ),
        ]
    return tag(
        "div",
        tag("span", f"{100 * high:.0f} %", class_="top"),
        tag("svg", drawn, class_="scatter", role="img", aria_label=said, height=220),
        tag("span", "0", class_="zero"),
        tag("span", f"{wide:,.3g} {x_name}", class_="end"),
        class_="curves",
    )
