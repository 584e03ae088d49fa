"""A report as one page: no script, nothing fetched, nothing sent; readable without colour and by keyboard."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from socli import check
from socli.arithmetic import holds, marks
from socli.check import Funnel
from socli.problem import Prediction, Problem, Step
from socli.report import Arm, Report, Result, Section, figures, text
from socli.report.gather import example_order
from socli.report.markup import Html, Part, joined, tag
from socli.report.paper import Told
from socli.scoring.compare import Comparison, Flip
from socli.screen.render import percent
from socli.screen.scene import lacking

EXAMPLES = 40
"""Problems of a set whose trees are shown, and flips each way, where nothing else is asked for."""
SHORT = 12
"""A cell of so many characters is not broken into lines."""
_STYLE = Html((Path(__file__).parent / "page.css").read_text(encoding="utf-8"))
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report, made: str, examples: int = EXAMPLES, experiments: Sequence[Told] = ()) -> str:
    """The whole HTML document; `made` says when and by what. `experiments` stand before the details."""
    title = "What the students learnt"
    body = [
        tag("h1", title),
        tag("p", _lead(report), class_="soft"),
        tag("nav", _links(report, experiments), aria_label="Contents"),
        _notes(report.notes),
        _arms(report),
        [_experiment(n, one) for n, one in enumerate(experiments)],
        [_section(report, n, one, examples) for n, one in enumerate(report.sections)],
        _curves(report),
        _funnels(report),
        tag("footer", made),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", _STYLE),
    ]
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _lead(report: Report) -> str:
    sets = ", ".join(dict.fromkeys(section.set for section in report.sections)) or "no set yet"
    return f"{_many(len(report.arms), 'arm')} on {sets}. Intervals are 95 %."


def _links(report: Report, experiments: Sequence[Told]) -> Iterator[Html]:
    yield tag("a", "Arms", href="#arms")
    for n, one in enumerate(experiments):
        yield tag("a", one.title, href=f"#experiment{n}")
    for n, section in enumerate(report.sections):
        yield tag("a", text.title(section), href=f"#set{n}")
    if report.curves:
        yield tag("a", "Learning curves", href="#curves")
    if report.funnels:
        yield tag("a", "What was learnt from", href="#funnels")


def _notes(notes: Sequence[str]) -> Part:
    return tag("div", [tag("p", note) for note in notes], class_="notes", role="note") if notes else None


def _arms(report: Report) -> Html:
    """Every arm with what it was made of."""
    rows = [(_named(report, n), *arm.told()) for n, arm in enumerate(report.arms)]
    return tag("section", tag("h2", "Arms"), _table(text.ARMS, rows, numbers=(6, 7)), id="arms")


def _experiment(n: int, one: Told) -> Html:
    parts: list[Part] = [tag("h2", one.title)]
    for heading, (head, rows) in one.tables.items():
        parts += [tag("h3", heading), _table(head, rows)]
    return tag("section", parts, [tag("p", note) for note in one.notes], id=f"experiment{n}")


def _section(report: Report, n: int, section: Section, examples: int) -> Html:
    parts: list[Part] = [tag("h2", text.title(section)), _scores(report, section)]
    if section.comparisons:
        parts += [tag("h3", "Is it better?"), [tag("p", one.sentence) for one in section.comparisons]]
    parts += [_by_steps(report, section), _costs(report, section)]
    parts += [_flips(one, examples) for one in section.comparisons]
    parts += [_trees(report, section, examples)]
    return tag("section", parts, id=f"set{n}")


def _scores(report: Report, section: Section) -> Html:
    top = _top(one.accuracy.high for one in section.results)
    majority = next(
        (c.majority for one in section.results for c in one.cards if c.majority is not None), None
    )
    rows = [_score(report, result, top) for result in section.results]
    name, accuracy, *more = text.SCORES
    head = name, accuracy, f"0 to {100 * top:.0f} %", *more
    always = (
        tag("p", f"Always giving the more frequent answer would score {percent(majority)}.")
        if majority is not None
        else None
    )
    return joined([always, _table(head, rows, numbers=(1, *range(3, len(head))), wide=(2,))])


def _score(report: Report, result: Result, top: float) -> tuple[Part, ...]:
    ends = result.accuracy
    _, accuracy, *more = text.score(report, result)
    said = f"{accuracy}, {text.ends_of(ends)}"
    drawn = figures.interval(ends.low, ends.value, ends.high, result.arm, top, said)
    return (_named(report, result.arm), tag("strong", accuracy), drawn, *more)


def _top(ends: Iterable[float]) -> float:
    """The right end of a picture: the largest end of an interval, rounded up to a tenth."""
    return min(1.0, -(-max(ends, default=1.0) // 0.1) * 0.1)


def _by_steps(report: Report, section: Section) -> Part:
    """A line for each number of reference steps and arm, of the first seed."""
    top = _top(one.high for result in section.results for one in result.cards[0].by_steps)
    rows = []
    for steps in sorted({one.steps for result in section.results for one in result.cards[0].by_steps}):
        for result in section.results:
            for one in result.cards[0].by_steps:
                if one.steps == steps:
                    share = one.correct / one.n
                    said = f"{percent(share)}, {text.ends_of(one)}"
                    dot = figures.interval(one.low, share, one.high, result.arm, top, said)
                    rows.append((str(steps), _named(report, result.arm), percent(share), dot, f"{one.n:,}"))
    if not rows:
        return None
    head = "steps", "arm", "accuracy", f"0 to {100 * top:.0f} %", "problems"
    return [tag("h3", "By number of steps"), _table(head, rows, numbers=(2, 4), wide=(3,))]


def _costs(report: Report, section: Section) -> Part:
    """Accuracy against the minutes of training, where they are known."""
    dots = [
        figures.Dot(minutes, result.accuracy.value, result.arm, report.arms[result.arm].name)
        for result in section.results
        if (minutes := _minutes(report.arms[result.arm])) is not None
    ]
    if len(dots) < 2:
        return None
    said = "; ".join(f"{dot.label}: {dot.x:.1f} minutes, {percent(dot.y)}" for dot in dots)
    return [tag("h3", "Cost against accuracy"), figures.scatter(dots, "minutes of training", said)]


def _minutes(arm: Arm) -> float | None:
    return arm.minutes if arm.runs else 0.0


def _flips(one: Comparison, examples: int) -> Part:
    if not (one.won or one.lost):
        return None
    return [
        tag("h3", f"Flips between {one.first} and {one.second}"),
        _flipped(f"Only {one.second} is right", one, one.won, examples),
        _flipped(f"Only {one.first} is right", one, one.lost, examples),
    ]


def _flipped(title: str, one: Comparison, flips: Sequence[Flip], examples: int) -> Part:
    if not flips:
        return None
    rows = [
        (flip.question, flip.gold, flip.first or "nothing", flip.second or "nothing")
        for flip in flips[:examples]
    ]
    head = "question", "right", one.first, one.second
    summary = tag("summary", f"{title}: {len(flips):,}")
    return tag("details", summary, tag("div", _left_out(len(flips), examples), _table(head, rows)))


def _left_out(count: int, shown: int) -> Part:
    return tag("p", f"The first {shown:,} of {count:,}.", class_="soft") if count > shown else None


def _trees(report: Report, section: Section, examples: int) -> Part:
    order = example_order(section.problems, section)
    shown = [_solved(report, section, section.problems[id]) for id in order[:examples]]
    why = "First those that the arms disagree on, then what none solved, then what all did."
    if len(section.results) == 1:
        why = "First the wrong ones, then the right ones."
    return [tag("h3", "Problems"), tag("p", why, class_="soft"), _left_out(len(order), examples), shown]


def _solved(report: Report, section: Section, problem: Problem) -> Html:
    """A problem to be opened, with what each arm made of it side by side."""
    made = [(one.arm, one.answered[problem.id]) for one in section.results if problem.id in one.answered]
    summary = tag("summary", [_verdict(prediction.correct) for _, prediction in made], " ", problem.question)
    trees = [
        tag("div", tag("h4", _named(report, arm)), _tree(prediction, problem), class_="tree")
        for arm, prediction in made
    ]
    context = tag("p", problem.context, class_="soft") if problem.context else None
    return tag("details", summary, tag("div", context, tag("div", trees, class_="trees")))


def _tree(made: Prediction, problem: Problem) -> Part:
    if not made.steps and made.answer is None:
        return [tag("pre", made.text.strip()), tag("p", lacking(made.finish_reason), class_="bad")]
    steps = [tag("li", _asked(step), worked(step.text)) for step in made.steps]
    said: Part = tag("span", lacking(made.finish_reason), class_="bad")
    if made.answer is not None:
        right = f" right is {problem.gold}" if made.correct is False and problem.gold else ""
        said = [tag("strong", f"Answer: {made.answer}"), " ", _verdict(made.correct), right]
    return [tag("ol", steps) if steps else None, tag("p", said)]


def _asked(step: Step) -> Part:
    return tag("span", step.question, class_="ask") if step.question else None


def worked(text: str) -> Html:
    """A worked answer with each mark shown once, ticked or crossed."""
    parts: list[Part] = []
    at = 0
    for mark in marks(text):
        verdict = holds(mark)
        parts += [
            text[at : mark.start],
            tag("span", f"{mark.expression}={mark.stated} ", _verdict(verdict), class_="mark"),
        ]
        at = mark.end + (len(mark.stated) if text.startswith(mark.stated, mark.end) else 0)
    return joined([*parts, text[at:]])


def _verdict(right: bool | None) -> Html:
    match right:
        case True:
            return tag("span", "✓", class_="good", title="right")
        case False:
            return tag("span", "✗", class_="bad", title="wrong")
        case _:
            return tag("span", "·", title="not known")


def _curves(report: Report) -> Part:
    """A picture for each role."""
    if not report.curves:
        return None
    parts: list[Part] = [tag("h2", "Learning curves")]
    for role in dict.fromkeys(curve.role for curve in report.curves):
        some = [curve for curve in report.curves if curve.role == role]
        ends = [f"{report.arms[c.arm].name} {c.run}: {c.points[-1][1]:.3f}" for c in some if c.points]
        said = f"Loss of the {role} by step, at the end {'; '.join(ends)}"
        legend = [
            tag("li", tag("span", class_=f"key {figures.colour(c.arm)}"), end)
            for c, end in zip([c for c in some if c.points], ends, strict=True)
        ]
        parts += [
            tag("h3", f"Loss of the {role}"),
            figures.curves([(curve.arm, curve.points) for curve in some], said),
            tag("ul", legend, class_="legend"),
        ]
    return tag("section", parts, id="curves")


def _funnels(report: Report) -> Part:
    if not report.funnels:
        return None
    parts = [joined([tag("h3", name), _funnel(told)]) for name, told in report.funnels.items()]
    return tag("section", tag("h2", "What was learnt from"), parts, id="funnels")


def _funnel(told: Funnel) -> Html:
    rows = [
        (stage, f"{count:,}", percent(count / told.asked), figures.bar(count / told.asked, f"{count:,}"))
        for stage, count in check.stages(told).items()
    ]
    return _table(("stage", "traces", "of asked", ""), rows, numbers=(1, 2), wide=(3,))


def _named(report: Report, arm: int) -> Html:
    key = tag("span", class_=f"key {figures.colour(arm)}", aria_hidden="true")
    return tag("span", key, tag("span", report.arms[arm].name), class_="name")


def _table(
    head: Sequence[str],
    rows: Iterable[Sequence[Part]],
    *,
    numbers: Sequence[int] = (),
    wide: Sequence[int] = (),
) -> Html:
    """A table that scrolls by itself where it is too wide, also by keyboard. Empty columns are left out."""
    whole = [list(row) for row in rows]
    kept = [n for n in range(len(head)) if any(joined(row[n]) for row in whole)]
    kind = {n: "number" for n in numbers} | {n: "wide" for n in wide}
    titles = tag("tr", [tag("th", head[n], scope="col", class_=kind.get(n)) for n in kept])
    lines = [
        tag(
            "tr",
            [
                tag("th", row[n], scope="row")
                if n == kept[0]
                else tag("td", row[n], class_=kind.get(n) or _whole(row[n]))
                for n in kept
            ],
        )
        for row in whole
    ]
    inner = tag("table", tag("thead", titles), tag("tbody", lines))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=f"Table: {head[0]}")


def _whole(cell: Part) -> str | None:
    """The class of a cell that is too short to be broken, as `2.8 %` is."""
    return "whole" if isinstance(cell, str) and len(cell) <= SHORT else None


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
