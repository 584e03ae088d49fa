"""Reports: what is gathered from the store, and pages that hostile text cannot break."""

import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from doubles import PROBLEMS
from test_runbook import PLAN

from socli.errors import MissingError
from socli.problem import Prediction, Problem
from socli.records import BenchPlan, MetricRow
from socli.report import gather as module
from socli.report import text
from socli.report.gather import gather
from socli.report.markup import Html, tag
from socli.report.page import page, worked
from socli.scoring.score import Tally
from socli.store import Store

RECIPE = {
    "problems": {"train": "stories:train", "limit": 4},
    "teacher": {"model": "reference"},
    "scheme": {"name": "socratic", "roles": "unified", "sub_answers": True},
}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> \x1b[2J \u202e & | `x`"


def run(store: Store, seed: int = 1, name: str = "tins", arm: str = "", **more: object) -> str:
    recipe = {**RECIPE, "train": {"seed": seed, **more}}
    row = store.start_run(
        replace(PLAN, name=name, arm=arm, recipe=recipe, seed=seed, scheme="socratic", roles="unified")
    )
    store.add_metrics(
        MetricRow(row.id, "student", step, loss, 0.1, 9.0, 30.0 * step)
        for step, loss in [(1, 2.0), (2, math.nan), (3, 1.0)]
    )
    return store.finish_run(row.id, "done").id


def bench(
    store: Store, run: str | None, right: str, problems: tuple[Problem, ...] = PROBLEMS, *, done: bool = True
) -> str:
    """A bench whose n-th prediction is right where `right` has a 1."""
    model = run or "untrained"
    row = store.start_bench(BenchPlan(model=model, set="tins:test", calculator=True, settings={}, run=run))
    store.add_problems("tins:test", problems, 1)
    tally = Tally()
    for number, (problem, verdict) in enumerate(zip(problems, right, strict=False), 1):
        answer = problem.gold if verdict == "1" else "-7"
        words = f"Ask: {EVIL}\nWork: 3*4 = <<3*4=13>>13 {EVIL}\n#### {answer}"
        steps = problem.steps
        made = Prediction(problem.id, steps, answer, verdict == "1", "answered", True, 20, 0.5, words)
        store.add_predictions(row.id, [(number, made)])
        tally.add(problem, made)
    if done:
        store.finish_bench(row.id, tally.card("tins:test", model, True, 8.0, row.id))
    return row.id


# ---- what is gathered


def test_runs_that_differ_in_the_seed_alone_are_one_arm_with_its_spread(store: Store) -> None:
    one, two, other = run(store, 1), run(store, 2), run(store, 1, lr=0.5)
    for id, right in ((one, "1110"), (two, "1100"), (other, "0000")):
        bench(store, id, right)
    found = gather(store, [one, two, other])
    assert [arm.runs for arm in found.arms] == [(one, two), (other,)]
    assert [arm.seeds for arm in found.arms] == [(1, 2), (1,)]
    assert [arm.name for arm in found.arms] == [
        f"tins socratic, unified {one}",
        f"tins socratic, unified {other}",
    ]
    (section,) = found.sections
    assert [result.accuracy.value for result in section.results] == [0.625, 0.0]
    assert section.results[0].seed_sd is not None
    assert section.results[1].seed_sd is None
    assert section.comparisons[0].first == found.arms[0].name
    assert [arm.minutes for arm in found.arms] == [1.5, 1.5]
    assert found.curves[0].points == ((1, 2.0), (3, 1.0))


def test_t3_a_partial_bench_is_noted_and_has_no_accuracy(store: Store) -> None:
    id = run(store)
    partial = bench(store, id, "111", done=False)
    found = gather(store, [id])
    assert found.sections == ()
    assert found.notes == (
        f"bench {partial} of run {id} (tins) on tins:test is partial: 3 problems are solved, "
        "so no accuracy is given",
    )
    assert "is partial: 3 problems" in page(found, "now")
    assert "100.0 %" not in page(found, "now")


def test_a_student_as_it_came_stands_beside_a_run_and_flips_are_counted_both_ways(store: Store) -> None:
    id = run(store)
    bench(store, None, "1000")
    bench(store, id, "0110")
    found = gather(store, ["untrained", id])
    (comparison,) = found.sections[0].comparisons
    assert (comparison.first, comparison.second) == ("untrained", "tins")
    assert [(len(comparison.won), len(comparison.lost))] == [(2, 1)]
    assert module.example_order(found.sections[0].problems, found.sections[0])[-1] == PROBLEMS[3].id


def test_arms_with_the_same_settings_are_not_seeds_of_one(store: Store) -> None:
    runs = run(store, arm="plain"), run(store, arm="rounds")  # the latter before its rounds
    for id in runs:
        bench(store, id, "1110")
    found = gather(store, runs)
    assert [(arm.name, arm.seeds) for arm in found.arms] == [("tins plain", (1,)), ("tins rounds", (1,))]


def test_two_benches_of_one_run_are_not_two_seeds(store: Store) -> None:
    id = run(store)
    one, two = bench(store, id, "1000"), bench(store, id, "1100")
    found = gather(store, [one, two])
    (result,) = found.sections[0].results
    assert (result.accuracy.value, len(result.cards), result.seed_sd) == (0.25, 1, None)
    assert found.notes == (f"benches {one} and {two} on tins:test are of one student: the first counts",)


def test_arms_that_an_experiment_compares_are_not_compared_again(store: Store) -> None:
    id = run(store)
    bench(store, None, "1000")
    bench(store, id, "0110")
    assert gather(store, ["untrained", id], compared=False).sections[0].comparisons == ()


def test_the_page_and_the_text_have_the_same_scores(store: Store) -> None:
    ids = [run(store, seed) for seed in (1, 2)]
    for id, right in zip(ids, ("0000", "1100"), strict=True):
        bench(store, id, right)
    found = gather(store, ids)
    head, (row,) = text.scores(found, found.sections[0])
    shown = dict(zip(head, row, strict=True))
    assert (shown["between seeds"], shown["right on wrong steps"]) == ("0.0, 50.0 %", "0.0 %")
    made = page(found, "now")
    assert all(f">{cell}<" in made for cell in row)
    assert all(f">{name}</th>" in made for name in head)


def test_nothing_to_report_on_is_said(store: Store) -> None:
    with pytest.raises(MissingError, match="nothing to report on") as none:
        gather(store, [run(store)])
    assert none.value.hint == f"socli bench --recipe {store.runs()[0].recipe_name}"
    with pytest.raises(MissingError, match="no run `x`"):
        gather(store, ["x"])


# ---- the page


class Read(HTMLParser):
    """What a browser would make of a page: elements, attributes, text; and whether tags close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(store: Store) -> str:
    evil = (replace(PROBLEMS[0], question=EVIL), *PROBLEMS[1:])
    id = run(store)
    bench(store, None, "1100", evil)
    bench(store, id, "0110", evil)
    return page(gather(store, ["untrained", id]), EVIL)


def test_t11_hostile_text_is_text_and_nothing_else(store: Store) -> None:
    read = Read(hostile(store))
    assert read.open == []
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(read.elements)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in read.text
    assert "\x1b" not in read.text
    assert "\u202e" not in read.text


def test_the_page_fetches_nothing_and_can_be_read_by_keyboard(store: Store) -> None:
    made = hostile(store)
    read = Read(made)
    addresses = [value for name, value in read.attributes if name in ("href", "src", "action", "data")]
    assert addresses
    assert all(value and value.startswith("#") for value in addresses)
    anchors = {value for name, value in read.attributes if name == "id"}
    assert {value[1:] for value in addresses if value} == anchors
    assert "url(" not in made
    assert "@import" not in made
    assert "default-src 'none'" in {value.partition(";")[0] for _, value in read.attributes if value}
    assert read.elements.count("details") == read.elements.count("summary") == 2 + 4
    assert read.elements.count("table") == [name for name, _ in read.attributes].count("tabindex")
    assert ":focus-visible" in made


def test_a_page_says_in_words_what_its_pictures_show(store: Store) -> None:
    id = run(store)
    bench(store, id, "1100")
    read = Read(page(gather(store, [id]), "now"))
    said = [value for name, value in read.attributes if name == "aria-label"]
    assert "50.0 %, 15.0 to 85.0 %" in said  # Wilson, 2 of 4
    assert "Loss of the student by step, at the end tins " + id + ": 1.000" in said
    assert read.elements.count("svg") == said.count("50.0 %, 15.0 to 85.0 %") + 3


def test_a_mark_is_shown_once_with_its_verdict() -> None:
    assert Read(worked("It is 3*4 = $<<3*4=13>>13, <b>.")).text == "It is 3*4 = $3*4=13 ✗, <b>."
    assert Read(worked("<<2+2=4>>4")).text == "2+2=4 ✓"


def test_what_is_not_html_is_escaped() -> None:
    assert tag("p", "<b>", Html("<i></i>"), ["&", None], title='"') == (
        '<p title="&quot;">&lt;b&gt;<i></i>&amp;</p>'
    )


# ---- text


def test_markdown_is_tables_in_which_nothing_is_markup(store: Store) -> None:
    evil = (replace(PROBLEMS[0], question=EVIL), *PROBLEMS[1:])
    id = run(store)
    bench(store, None, "1100", evil)
    bench(store, id, "0110", evil)
    made = text.markdown(gather(store, ["untrained", id]), "now")
    (row,) = [
        line for line in made.splitlines() if "alert" in line and line.endswith("| 40 | 40 | \\-7 |")
    ] or [line for line in made.splitlines() if "alert" in line]
    assert "\\<script\\>" in row
    assert row.count(" | ") == 3
    assert "| tins | 50.0 % | 15.0 to 85.0 % | 4 | 1 |" in made
    assert "| 2 | 33.3 % of 3 " in made


def test_an_interval_is_drawn_from_0_to_the_widest(store: Store) -> None:
    id = run(store)
    bench(store, id, "1100")
    (result,) = gather(store, [id]).sections[0].results
    assert text.interval(result, 1.0, 21) == "...[------o------]..."
    assert text.interval(result, result.accuracy.high, 8).endswith("]")


# ---- views for other browsers of the file


def test_the_views_show_scores_answers_and_flips(store: Store) -> None:
    id = run(store)
    one, two = bench(store, None, "1000"), bench(store, id, "0110")

    def rows(query: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in store._file.rows(query)]

    assert rows("SELECT bench, recipe, accuracy, right_on_wrong_steps, tokens_each FROM scores") == [
        (one, None, 25.0, 0.0, 20.0),
        (two, "tins", 50.0, 0.0, 20.0),
    ]
    assert rows(f"SELECT steps, n, accuracy FROM scores_by_steps WHERE bench = '{two}'") == [
        (1, 1, 100.0),
        (2, 3, 33.3),
    ]
    assert rows(f"SELECT question, right_answer FROM flips WHERE right_bench = '{one}'") == [
        (PROBLEMS[0].question, "40")
    ]
    assert len(rows(f"SELECT * FROM flips WHERE wrong_bench = '{one}' AND right_bench = '{two}'")) == 2
    assert rows("SELECT count(*), sum(gold IS NULL) FROM answers") == [(8, 0)]
    assert rows("SELECT * FROM traces_read") == []
