"""The experiment: results out of a store, the file that holds them, and the tables that are made of it."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from doubles import PROBLEMS
from test_runbook import PLAN

from socli.errors import UsageError
from socli.problem import Prediction, Step
from socli.recipe import load
from socli.records import BenchPlan, MetricRow
from socli.report import contest, paper, text
from socli.report.experiment import experiments
from socli.report.plots import picture
from socli.report.results import Entry, Items, Results, read, written
from socli.scheme import Scheme
from socli.scoring import stats
from socli.scoring.score import Tally
from socli.scoring.stats import Interval
from socli.store import Store

ANSWER = {"name": "answer"}
COT = {"name": "cot"}
SPLIT = {"name": "socratic", "roles": "split"}


def scored(
    store: Store,
    arm: str,
    scheme: dict[str, str],
    right: str,
    seed: int = 1,
    size: str = "small",
    traces: str = "t",
    older_than: tuple[str, str] | None = None,
    weights: str = "",
    **more: object,
) -> str:
    """A done run of the arm whose n-th prediction on `gsm8k:test` is right where `right` has a 1.

    Its recipe is `older_than` a table and a key of that.
    """
    made = load("paper-gsm8k", [f"size={size}"]).model_dump(mode="json")
    if older_than:
        table, key = older_than
        del made[table][key]
    recipe = {
        **made,
        "name": "paper-gsm8k",
        "scheme": scheme,
        "train": {**made["train"], "seed": seed, **more},
    }
    plan = replace(PLAN, name="paper-gsm8k", recipe=recipe, seed=seed, arm=arm, base="gpt2-large")
    plan = replace(plan, traces=traces, versions={**plan.versions, **({"base": weights} if weights else {})})
    run = store.finish_run(store.start_run(plan).id, "done").id
    bench(store, run, right, run=run)
    return run


def bench(store: Store, model: str, right: str, run: str | None = None, **settings: object) -> None:
    plan = BenchPlan(model=model, set="gsm8k:test", calculator=True, settings=settings, run=run)
    row = store.start_bench(plan)
    store.add_problems("gsm8k:test", PROBLEMS, 1)
    tally = Tally()
    for number, (problem, verdict) in enumerate(zip(PROBLEMS, right, strict=False), 1):
        answer = problem.gold if verdict == "1" else "-7"
        text = f"Ask: a secret question?\nWork: none\n#### {answer}"
        steps = (Step("a secret question?", "none"),)
        made = Prediction(problem.id, steps, answer, verdict == "1", "answered", True, 20, 0.5, text)
        store.add_predictions(row.id, [(number, made)])
        tally.add(problem, made)
    store.finish_bench(row.id, tally.card("gsm8k:test", model, True, 8.0, row.id))


# ---- what is gathered


def test_seeds_of_an_arm_stand_together_and_other_sizes_and_settings_apart(store: Store) -> None:
    scored(store, "answer", ANSWER, "0001")
    scored(store, "answer", ANSWER, "0011", seed=2)
    scored(store, "split", SPLIT, "1111")
    scored(store, "answer", ANSWER, "1000", size="full")
    scored(store, "answer", ANSWER, "0100", lr=0.5)
    other, full, small = experiments(store, "paper-gsm8k")
    assert [one.name for one in (other, full, small)] == [
        f"paper-gsm8k-small-gpt2-large-{other.variant}",
        "paper-gsm8k-full-gpt2-large",
        "paper-gsm8k-small-gpt2-large",
    ]
    assert (len(other.variant), full.variant, small.variant) == (6, "", "")
    assert [(one.arm, one.seed, one.verdicts) for one in small.entries] == [
        ("answer", 1, "0001"), ("split", 1, "1111"), ("answer", 2, "0011"),
    ]  # fmt: skip
    assert [one.size for one in experiments(store, "paper-gsm8k", "full")] == ["full"]
    assert experiments(store, "paper-svamp") == []


@pytest.mark.parametrize("key", [("train", "average"), ("problems", "augment")])
def test_a_run_that_is_older_than_a_key_stands_with_those_that_have_its_default(store: Store, key) -> None:
    scored(store, "answer", ANSWER, "0001", older_than=key)
    scored(store, "split", SPLIT, "1111")
    (both,) = experiments(store, "paper-gsm8k")
    assert (both.variant, [one.arm for one in both.entries]) == ("", ["answer", "split"])


def test_the_arms_of_a_round_stand_together_whatever_each_drew(store: Store) -> None:
    for rounds, traces in ((0, ("t", "t")), (1, ("u", "v"))):
        scored(store, "cot", COT, "0001", traces=traces[0], rounds=rounds)
        scored(store, "split", SPLIT, "1111", traces=traces[1], rounds=rounds)
    later, first = experiments(store, "paper-gsm8k")
    assert (first.variant, later.variant) == ("", "round-1")
    for one in (first, later):
        assert [(row.arm, row.verdicts) for row in one.entries] == [("cot", "0001"), ("split", "1111")]


def test_the_bench_that_its_recipe_asks_for_counts_and_none_of_drawn_samples(store: Store) -> None:
    run = scored(store, "answer", ANSWER, "0011")
    bench(store, run, "11", run=run, limit=2)
    bench(store, run, "1111", run=run, sampling={"votes": 8})
    (found,) = experiments(store, "paper-gsm8k")
    assert [one.verdicts for one in found.entries] == ["0011"]
    asked = store.run(run).recipe["bench"]
    bench(store, run, "101", run=run, limit=asked["limit"], max_tokens=asked["max_tokens"])
    bench(store, run, "1111", run=run)
    (found,) = experiments(store, "paper-gsm8k")
    assert [one.verdicts.rstrip("-") for one in found.entries] == ["101"]


def test_a_run_of_an_arm_that_is_named_again_does_not_stand_twice(store: Store) -> None:
    run = scored(store, "cot", COT, "0011")
    scored(store, "split", SPLIT, "0111")
    (found,) = experiments(store, "paper-gsm8k", others=[run])
    assert [one.arm for one in found.entries] == ["cot", "split"]


def test_what_stands_beside_the_arms_does_not_change_what_is_said_of_them(store: Store) -> None:
    scored(store, "cot", COT, "0000")
    first = scored(store, "split", SPLIT, "1111")
    bench(store, "theirs-7b", "1000")
    bench(store, f"{first} with gold questions", "1111")
    (section,) = paper.sections(experiments(store, "paper-gsm8k", others=["theirs-7b"])[0])
    assert [(one.family, one.paired.p, one.corrected) for one in section.contests] == [
        ("arms", 0.125, 0.125), ("gold parts", 1.0, 1.0), ("students beside the arms", 0.25, 0.25),
    ]  # fmt: skip
    assert paper.notes(section)[0] == (
        "p is corrected for each kind of test by itself: 1 of arms, 1 of gold parts, "
        "1 of students beside the arms."
    )


def test_runs_from_other_weights_of_one_name_are_results_of_their_own(store: Store) -> None:
    scored(store, "cot", COT, "0000")
    scored(store, "cot", COT, "0001", seed=2, weights="a, published, revision 1")
    scored(store, "cot", COT, "0011", seed=3, weights="a, Q4_1, sha256 2")
    scored(store, "split", SPLIT, "0111", seed=3, weights="a, Q4_1, sha256 2")
    found = experiments(store, "paper-gsm8k")
    assert [[(one.arm, one.seed) for one in some.entries] for some in found] == [
        [("cot", 1), ("cot", 3), ("split", 3)], [("cot", 2)],
    ]  # fmt: skip
    assert len({some.name for some in found}) == 2
    assert found[0].entries[1].versions["base"] == "a, Q4_1, sha256 2"


def test_lessons_of_other_schemes_are_a_lever_and_are_read_back(store: Store) -> None:
    scored(store, "cot", COT, "0000")
    scored(store, "mixed", {**COT, "also": ["answer", "socratic"]}, "0011")
    scored(store, "both", {**COT, "also": ["answer", "socratic"], "work": "equations"}, "0111")
    (found,) = experiments(store, "paper-gsm8k")
    assert read(written(found), "x") == found
    assert {one.arm: one.scheme.also for one in found.entries if one.scheme} == {
        "cot": (), "mixed": ("answer", "socratic"), "both": ("answer", "socratic"),
    }  # fmt: skip
    (section,) = paper.sections(found)
    assert {(one.first, one.second) for one in section.contests} == {
        ("cot", "mixed"), ("cot", "both"), ("mixed", "both"),
    }  # fmt: skip


def test_votes_stand_in_rows_of_their_own_and_are_compared_with_the_same_run_without(store: Store) -> None:
    run = scored(store, "cot", COT, "0011")
    scored(store, "split", SPLIT, "0111")
    bench(store, run, "0111", run=run, sampling={"repeats": 5})
    bench(store, run, "1111", run=run, sampling={"repeats": 5}, verifier="v1")
    (found,) = experiments(store, "paper-gsm8k")
    assert {one.arm: one.verdicts for one in found.entries} == {
        "cot": "0011", "split": "0111", "cot, 5 votes": "0111", "cot, 5 votes, verifier": "1111",
    }  # fmt: skip
    (section,) = paper.sections(found)
    assert {(one.first, one.second) for one in section.contests} == {
        ("cot", "split"), ("cot", "cot, 5 votes"), ("cot", "cot, 5 votes, verifier"),
        ("cot, 5 votes", "cot, 5 votes, verifier"),
    }  # fmt: skip


def test_a_model_to_be_beaten_and_gold_parts_stand_beside_the_arms(store: Store) -> None:
    scored(store, "cot", COT, "0000")
    first = scored(store, "split", SPLIT, "1110")
    scored(store, "split", SPLIT, "1100", seed=2)
    bench(store, "theirs-7b", "1000")
    bench(store, f"{first} with gold questions", "1111")
    (found,) = experiments(store, "paper-gsm8k", others=["theirs-7b"])
    (section,) = paper.sections(found)
    assert [(one.first, one.second, round(one.paired.difference.value, 3)) for one in section.contests] == [
        ("cot", "split", 0.75), ("split", "split with gold questions", 0.25), ("theirs-7b", "split", 0.375),
    ]  # fmt: skip
    assert [row.arm for row in section.rows] == ["cot", "split", "split with gold questions", "theirs-7b"]


def test_a_model_without_a_calculator_stands_in_both_tables() -> None:
    arms = [entry(SPLIT_, arm="split", verdicts="1110", calculator=on) for on in (True, False)]
    chat = entry(None, arm="chat", seed=None, verdicts="0001", calculator=False)
    items = Items("s", ("a", "b", "c", "d"), (1, 1, 1, 1), None)
    told = Results("r", "small", "b", "", "0", "", {"split": (1,)}, (items,), (*arms, chat))
    on, off = paper.sections(told)
    assert [row.arm for row in on.rows] == ["split", "chat (calculator off)"]
    assert [row.arm for row in off.rows] == ["split", "chat"]
    assert [(one.first, one.second) for one in on.contests] == [("chat (calculator off)", "split")]
    both = replace(told, entries=(*told.entries, replace(chat, calculator=True)))
    assert [[row.arm for row in one.rows] for one in paper.sections(both)] == [["split", "chat"]] * 2


def test_the_picture_draws_losses_by_role_and_accuracy_by_steps(store: Store) -> None:
    run = scored(store, "split", SPLIT, "1010")
    store.add_metrics(
        MetricRow(run, role, step, loss, 0.1, 9.0, 1.0)
        for role, losses in (("decomposer", (4.0, 1.0)), ("solver", (2.0, 3.0)))
        for step, loss in enumerate(losses, 1)
    )
    (found,) = experiments(store, "paper-gsm8k")
    assert [(one.role, one.loss) for one in found.curves] == [
        ("decomposer", ((1, 4.0), (2, 1.0))),
        ("solver", ((1, 2.0), (2, 3.0))),
    ]
    drawn = picture(found)
    ElementTree.fromstring(drawn)  # noqa: S314  made above
    assert re.findall(
        '<polyline class="([^"]+)"(?: stroke-dasharray="([^"]+)")? points="([^"]+)"/>', drawn
    ) == [
        ("line a3", "", "378.0,30.0 704.0,172.5"),  # from 4.0, the highest, at step 1 of 2
        ("line a3", "7 3", "378.0,125.0 704.0,77.5"),
    ]
    assert "split, decomposer</text>" in drawn
    assert "Right answers" not in drawn  # four problems are too few


def test_accuracy_is_drawn_where_there_are_ten_problems_of_a_number_of_steps(store: Store) -> None:
    scored(store, "split", SPLIT, "1010")
    (found,) = experiments(store, "paper-gsm8k")
    many = replace(found.items[0], ids=tuple(map(str, range(25))), steps=(1,) * 10 + (2,) * 10 + (3,) * 5)
    entry = replace(found.entries[0], verdicts="1" * 5 + "0" * 5 + "1" * 10 + "1" * 5)
    drawn = picture(replace(found, items=(many,), entries=(entry,)))
    assert re.findall('points="([^"]+)"', drawn) == ["52.0,125.0 704.0,30.0"]  # 50 % of 1 step, 100 % of 2
    assert "Right answers, gsm8k:test, calculator on</text>" in drawn


def test_t11_the_file_holds_ids_and_verdicts_and_no_text(store: Store) -> None:
    scored(store, "split", SPLIT, "1010")
    (found,) = experiments(store, "paper-gsm8k")
    told = written(found)
    assert read(told, "x") == found
    assert found.items[0].ids == tuple(problem.id for problem in PROBLEMS)
    assert not any(problem.question in told for problem in PROBLEMS)
    assert "secret" not in told
    assert json.loads(told)["entries"][0]["verdicts"] == "1010"


@pytest.mark.parametrize("text", ["", "[]", '{"format": "socli results 2"}', '{"format": "socli results 1"}'])
def test_what_holds_no_results_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.json holds no results: "):
        read(text, "mine.json")


# ---- the table


def test_the_table_has_ours_gains_and_the_papers_figure_with_what_is_unconfirmed(store: Store) -> None:
    scored(store, "answer", ANSWER, "1000")
    scored(store, "cot", COT, "1100")
    scored(store, "split", SPLIT, "1110")
    (found,) = experiments(store, "paper-gsm8k")
    (section,) = paper.sections(found)
    head, rows = paper.scores(section)
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert section.title == "paper-gsm8k, size small, gpt2-large: gsm8k:test, calculator on"
    assert [(row["arm"], row["right"]) for row in cells if row["scheme"]] == [
        ("answer", "25.0 %"), ("cot", "50.0 %"), ("split", "75.0 %"),
    ]  # fmt: skip
    assert not {"over answer", "over cot"} & set(head)  # nothing can be told of four problems
    assert [row["seeds"] for row in cells if row["scheme"]] == ["1 of 2"] * 3
    assert [row["arm"] for row in cells if row["right"] == paper.UNMEASURED] == ["unified"]
    assert [row["by the paired test"] for row in cells if row["scheme"]] == ["", "cannot tell", "cannot tell"]
    assert paper.notes(section)[-1].endswith(
        "in %: answer only 4.62 (unconfirmed); reference steps 14.10; teacher CoT 12.85 (unconfirmed); "
        "Socratic 17.89 (unconfirmed); Socratic and reference 21.08; students of size "
        "small are trained for less than the paper's."
    )
    (full,) = paper.sections(replace(found, size="full"))
    head, rows = paper.scores(full)  # who learnt from as much stands beside the paper's
    assert [row[head.index("paper, GPT-2 large 774M")] for row in rows if row[1]] == [
        "4.62 (unconfirmed)", "14.10", "21.08",
    ]  # fmt: skip


def test_an_arm_that_was_scored_on_fewer_problems_shortens_no_other(store: Store) -> None:
    scored(store, "answer", ANSWER, "1000")
    scored(store, "cot", COT, "11")
    (section,) = paper.sections(experiments(store, "paper-gsm8k")[0])
    head, rows = paper.scores(section)
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(row["right"], row["problems"]) for row in cells[:2]] == [("25.0 %", "4"), ("100.0 %", "2")]
    assert section.contests[0].paired.difference.value == 0.5  # of the two that both have
    assert paper.notes(section)[0].startswith("Not all were scored on the same problems")


def test_only_what_is_confirmed_is_not_marked() -> None:
    told = paper._read()["student"]
    assert [(one["name"], one["confirmed"]) for one in told if "confirmed" in one] == [
        ("GPT-2 large 774M", ["reference", "socratic-reference"])
    ]
    assert sum(len(set(one) & set(paper.COLUMNS)) for one in told) == 40


def test_the_table_of_the_file_is_that_of_the_store(store: Store) -> None:
    scored(store, "answer", ANSWER, "1000")
    scored(store, "split", SPLIT, "1110")
    (found,) = experiments(store, "paper-gsm8k")
    again = read(written(found), "x")
    assert paper.markdown(again) == paper.markdown(found)
    assert "| split | socratic split | 75.0 % | 30.1 to 95.4 % |" in paper.markdown(found)


def entry(scheme: Scheme | None, **more: object) -> Entry:
    given = {"arm": "a", "seed": 1, "base": "b", "teacher": "reference", "run": "r", "bench": "b", "date": ""}
    rest = {"set": "s", "calculator": True, "verdicts": "1", "unreadable": 0.0, "truncated": 0.0, "tokens": 1}
    last = {"seconds": 1.0, "minutes": None, "training": {}, "settings": {}, "versions": {}}
    return Entry(scheme=scheme, **{**given, **rest, **last, **more})  # type: ignore[arg-type]


S = Scheme
SPLIT_, PLANNED = S(roles="split"), S(roles="split", decomposer="planned")
COUNT = S(roles="split", guide="count")


@pytest.mark.parametrize(
    ("first", "second", "compared"),
    [
        (S("answer"), S("cot"), True),
        (S("answer"), COUNT, True),
        (S("cot"), S("answer"), False),
        (S("cot"), S(), True),
        (S(), SPLIT_, True),
        (S(), PLANNED, False),
        (SPLIT_, PLANNED, True),
        (SPLIT_, COUNT, True),
        (COUNT, SPLIT_, False),
        (PLANNED, COUNT, False),
        (SPLIT_, replace(SPLIT_, facts=False), True),
        (S("answer"), replace(SPLIT_, facts=False), False),
        (S("cot"), S("cot", work="equations"), True),
        (S("cot", work="equations"), S("cot"), False),
        (S("cot"), S(work="equations"), False),
        (S("answer"), S("cot", work="equations"), True),
        (S("cot", work="equations"), S(work="equations"), True),
        (None, SPLIT_, True),
        (None, S("cot"), False),
        (SPLIT_, None, False),
        (SPLIT_, SPLIT_, False),
    ],
)
def test_an_arm_is_compared_with_those_that_have_one_thing_less(
    first: Scheme | None, second: Scheme | None, compared: bool
) -> None:
    assert paper.against(entry(first), entry(second)) is compared


def test_a_teachers_traces_are_compared_with_the_references_and_gold_parts_with_their_own_run() -> None:
    mine, taught = entry(SPLIT_), entry(SPLIT_, teacher="big")
    assert (paper.against(mine, taught), paper.against(taught, mine)) == (True, False)
    gold, other = entry(SPLIT_, swapped=True), entry(S("answer"), run="x")
    assert [paper.against(one, gold) for one in (mine, other, gold)] == [True, False, False]


# ---- gains, steps, seeds


def section(rights: dict[str, list[str]], steps: list[int] | None = None) -> paper.Section:
    """Arms of one set, each with a string of verdicts a seed."""
    schemes = {"answer": S("answer"), "cot": S("cot"), "split": SPLIT_}
    found = [
        entry(schemes[arm], arm=arm, seed=seed, verdicts=verdicts)
        for arm, seeds in rights.items()
        for seed, verdicts in enumerate(seeds, 1)
    ]
    n = len(found[0].verdicts)
    items = Items("s", tuple(map(str, range(n))), tuple(steps or [1] * n), None)
    wanted = dict.fromkeys(rights, (1, 2))
    return paper.sections(Results("r", "small", "b", "", "0", "", wanted, (items,), tuple(found)))[0]


@pytest.mark.parametrize(
    ("first", "second", "gain"), [(100, 160, "+60 %"), (100, 110, ""), (20, 60, ""), (30, 60, "+100 %")]
)
def test_a_gain_is_told_where_the_test_tells_the_two_apart_and_enough_came_out_right(
    first: int, second: int, gain: str
) -> None:
    one = section(
        {"cot": ["1" * first + "0" * (400 - first)], "split": ["0" * (400 - second) + "1" * second]}
    )
    assert paper._gain(one, one.rows[1], "cot") == gain


def test_the_longest_problems_share_a_line_of_thirty_and_more() -> None:
    steps = [1] * 40 + [2] * 35 + [3] * 20 + [4] * 8 + [9] * 3
    head, rows = paper.by_steps(section({"cot": ["1" * 53 + "0" * 53]}, steps))
    assert head == ("steps", "problems", "cot")
    assert [row[:2] for row in rows] == [("1", "40"), ("2", "35"), ("3 or more", "31")]
    assert rows[1][2] == "37.1 % (23.2 to 53.7 %)"  # Wilson, 13 of 35


def test_a_line_by_steps_needs_no_thirty_where_there_are_not_as_many() -> None:
    _, rows = paper.by_steps(section({"cot": ["10"]}, [2, 3]))
    assert [row[:2] for row in rows] == [("2 or more", "2")]
    assert paper.by_steps(section({"cot": ["10"]}, [0, 0]))[1] == []


def test_seeds_that_one_arm_lacks_are_left_out_and_named() -> None:
    one = section({"cot": ["1100", "1000"], "split": ["1110"]})
    assert [row[2] for row in contest.table(one.contests)[1]] == ["1"]
    assert one.contests[0].paired == stats.paired([[True, True, False, False]], [[True] * 3 + [False]])
    assert "tests speak of that student alone" in paper.notes(one)[0]


def test_the_accuracies_of_a_few_seeds_are_told_one_by_one() -> None:
    assert text.between(0.0, [0.028, 0.034]) == "2.8, 3.4 %"
    assert text.between(0.012, [0.1] * 4) == "± 1.2 points"
    assert text.between(None, [0.1]) == ""


def test_a_verdict_is_that_of_the_corrected_p() -> None:
    better = stats.Paired(Interval(0.1, 0.05, 0.2), 0.01)
    worse = stats.Paired(Interval(-0.1, -0.2, -0.05), 0.01)
    for found, corrected, verdict in (
        (better, 0.01, "better"),
        (worse, 0.01, "worse"),
        (worse, 0.06, "cannot tell"),
    ):
        assert contest.Contest("a", "b", "1", "arms", found, corrected).verdict == verdict
