"""Batched greedy decoding against transformers' own, and the calculator inside it."""

from dataclasses import replace

import pytest
import tiny
import torch
from doubles import PROBLEMS

from socli import solve
from socli.engine import training
from socli.engine.decode import LOOK, MOST_FED, Piece, Writer
from socli.engine.packed import pack
from socli.engine.student import longest, tokens
from socli.events import Solved, Wrote
from socli.problem import Problem, Trace
from socli.scheme import Lesson, Scheme, Span
from socli.scheme import lessons as lessons_of
from socli.solve import Solvers
from socli.tables import TrainTable
from socli.writers.guards import loops

SPLIT = Scheme("socratic", "split")
RAGGED = [f"Problem: Nora has {n} candles{' and many more' * n}.\n" for n in range(16)]

BY_HEART = {
    "Problem: One\n": "Work: 3*12 = <<3*12=99>>99.\n#### 99",
    "Problem: Two\n": "Work: <<a few=7>>7 and <<8/0=7>>7\n#### 7",
    "Problem: Three\n": "#### 5\nand then some more",
    "Problem: Four\n": "I do not know.\n\nProblem: Five",
    "Problem: Six\n": "Ask: Wie groß ist die Höhe? 😀\nWork: klein\n#### 1",
}
"""What the pupil was taught to write, wrong values, loose ends and all."""


@pytest.fixture(scope="module")
def pupil(load_tiny, tmp_path_factory):
    """A Llama that has learnt five transcripts by heart."""
    student = load_tiny()
    lessons = [
        Lesson("student", prompt, (Span(prompt, learnt=False), Span(target, learnt=True)))
        for prompt, target in BY_HEART.items()
    ]
    settings = TrainTable(epochs=80, batch=5, lr=0.02)
    for _ in training.train(student, lessons, settings, tmp_path_factory.mktemp("pupil"), "pupil"):
        pass
    return student


def written(
    writer: Writer, limits: dict[int, int], *, line: bool = False, together: int | None = None
) -> dict[int, list[Piece]]:
    """The pieces of each row."""
    pieces: dict[int, list[Piece]] = {n: [] for n in limits}
    for piece in writer.write(limits, line=line, together=together):
        pieces[piece.row].append(piece)
    assert all(row[-1].stop and not any(piece.stop for piece in row[:-1]) for row in pieces.values())
    return pieces


def texts(pieces: dict[int, list[Piece]]) -> dict[int, str]:
    return {n: "".join(piece.text for piece in row) for n, row in pieces.items()}


def alone(student, prompt: str, most: int, *, row: int = 0, **options) -> list[Piece]:
    """What a student writes to one prompt with nothing beside it, as if it were that row of a batch."""
    writer = Writer(student, calculator=options.get("calculator", False))
    writer.open([prompt], options.get("prefix", ""))
    return [replace(piece, row=row) for piece in written(writer, {0: most})[0]]


def joined(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


# ---- one row, many rows, transformers


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_sixteen_ragged_rows_get_the_tokens_that_each_gets_alone(load_tiny, family):
    student = load_tiny(family)
    writer = Writer(student, calculator=True)
    writer.open(RAGGED)
    together = written(writer, dict.fromkeys(range(16), 40))
    assert together == {n: alone(student, p, 40, row=n, calculator=True) for n, p in enumerate(RAGGED)}
    assert len({joined(row) for row in together.values()}) > 8  # random weights, not constant ones


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_what_is_written_is_what_transformers_generates(load_tiny, family):
    student = load_tiny(family)
    for prompt in RAGGED[:6]:
        ids = torch.tensor(tokens(student, [prompt]))
        expected = student.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=50, do_sample=False
        )
        text = student.tokenizer.decode(expected[0][ids.shape[1] :], skip_special_tokens=True)
        ours = joined(alone(student, prompt, 50))
        assert text.startswith(ours)
        assert set(text[len(ours) :]) <= {"\ufffd"}  # a character that was not complete yet


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_packed_weights_write_the_same(load_tiny, family, precision):
    plain, packed = load_tiny(family, precision), pack(load_tiny(family, precision))
    assert all(alone(plain, prompt, 40) == alone(packed, prompt, 40) for prompt in RAGGED[:4])


@pytest.mark.parametrize("places", [None, 4])
def test_rows_that_take_turns_together_write_what_each_writes_alone(pupil, places):
    prompts = list(BY_HEART) * 3
    writer = Writer(pupil, calculator=True)

    def turns(numbers: list[int]) -> dict[int, list[str]]:
        first = written(writer, dict.fromkeys(numbers, 60), line=True, together=places)
        for n in numbers:
            writer.add(n, f"Work: {n % 5} and so on\n" * (n % 5))
        second = written(writer, dict.fromkeys(reversed(numbers), 12), line=True, together=places)
        return {n: [joined(first[n]), joined(second[n])] for n in numbers}

    writer.open(prompts)
    together = turns(list(range(15)))
    for n, prompt in enumerate(prompts[:5]):
        writer.open([prompt] * (n + 1))
        assert turns([n])[n] == together[n] == together[n + 5] == together[n + 10]


@pytest.fixture(scope="module")
def pair(load_tiny, tmp_path_factory):
    """A decomposer and a solver that have learnt four problems by heart."""
    made = []
    for role in ("decomposer", "solver"):
        traces = [
            (problem, Trace(problem.id, problem.steps, problem.gold, "reference")) for problem in PROBLEMS
        ]
        lessons = [one for pair in traces for one in lessons_of(*pair, SPLIT) if one.role == role]
        settings = TrainTable(epochs=60, batch=4, lr=0.01)
        student = load_tiny()
        for _ in training.train(student, lessons, settings, tmp_path_factory.mktemp(role), role):
            pass
        made.append(student)
    return made


def test_two_students_write_for_each_problem_what_they_write_for_it_alone(pair):
    """Whatever else is under way, in whichever order, and however many rows are written together."""

    def written_by_both(problems: list[Problem], together: int | None) -> dict[str, str]:
        asker, solver = (Writer(student, calculator=True) for student in pair)
        who = Solvers("pair", SPLIT, solver, asker)
        events = [*solve.solve(problems, who, 200, together)]
        told = {problem.question: "" for problem in problems}
        for event in events:
            if isinstance(event, Wrote):
                told[next(p.question for p in problems if p.id == event.problem_id)] += event.text
        done = {e.problem.question: e.prediction.text for e in events if isinstance(e, Solved)}
        assert told == done
        return done

    beside = [replace(problem, question=f"{problem.question} Say it.") for problem in PROBLEMS]
    problems = [*PROBLEMS, *beside, Problem("What?", "1"), Problem("How many pages does Ivo read?", "1")]
    whole = written_by_both(problems, None)
    assert sum(whole[p.question].endswith(f"#### {p.gold}") for p in PROBLEMS) == 4
    assert whole == written_by_both(problems[::-1], 3) == written_by_both(problems[3:] + problems[:3], 1)
    for problem in problems[1::3]:
        assert written_by_both([problem], None) == {problem.question: whole[problem.question]}


def test_prompts_longer_than_one_pass_are_read_in_pieces_to_the_same_end(tiny_student):
    prompts = ["Problem: " + "candles " * (2 * n + 10) for n in range(48)]
    lengths = [len(ids) for ids in tokens(tiny_student, prompts)]
    assert max(lengths) > MOST_FED // 48  # else there is but one piece
    writer = Writer(tiny_student, calculator=False)
    writer.open(prompts)
    together = texts(written(writer, dict.fromkeys(range(48), 8)))
    for n in (0, 23, 47):
        assert together[n] == joined(alone(tiny_student, prompts[n], 8))


def test_a_prefix_is_read_as_if_it_stood_in_the_prompt(tiny_student):
    prefix = tiny.TEXT + "\n"
    for prompt in RAGGED[:4]:
        writer = Writer(tiny_student, calculator=False)
        writer.open([prefix])
        writer.add(0, prompt)
        assert alone(tiny_student, prompt, 30, prefix=prefix) == written(writer, {0: 30})[0]


def test_the_pieces_of_a_batch_share_the_prefix(tiny_student):
    writer = Writer(tiny_student, calculator=False)
    writer.open(RAGGED, tiny.TEXT)
    together = written(writer, dict.fromkeys(range(16), 20))
    for n in (0, 3, 15):
        assert together[n] == alone(tiny_student, RAGGED[n], 20, row=n, prefix=tiny.TEXT)


@pytest.mark.parametrize("prefix", ["", tiny.TEXT])
def test_rows_that_wait_for_a_place_get_the_tokens_that_each_gets_alone(pupil, prefix):
    prompts = list(BY_HEART) * 3
    limits = {n: 5 + 7 * n % 60 for n in range(15)}
    writer = Writer(pupil, calculator=True)
    writer.open(prompts, prefix)
    for n in limits:
        writer.add(n, "Ask: More?\n" * (n % 3))
    together: dict[int, list[Piece]] = {n: [] for n in limits}
    under_way, most = set(), 0
    for piece in writer.write(limits, line=False, together=4):
        together[piece.row].append(piece)
        under_way = under_way - {piece.row} if piece.stop else under_way | {piece.row}
        most = max(most, len(under_way))
    assert most == 4
    for n, limit in limits.items():
        one = Writer(pupil, calculator=True)
        one.open([prompts[n]], prefix)
        one.add(0, "Ask: More?\n" * (n % 3))
        assert [replace(piece, row=n) for piece in written(one, {0: limit})[0]] == together[n]


# ---- where a row stops


def test_a_row_ends_with_the_end_token(pupil):
    pieces = alone(pupil, "Problem: Two\n", 100)
    assert joined(pieces) == BY_HEART["Problem: Two\n"]
    assert pieces[-1] == Piece(0, "", stop="end")


def test_a_row_ends_after_the_line_of_its_answer(pupil):
    assert joined(alone(pupil, "Problem: Three\n", 100)) == "#### 5\n"


def test_a_row_ends_where_it_begins_another_problem(pupil):
    assert joined(alone(pupil, "Problem: Four\n", 100)) == "I do not know.\n\nProblem:"


def test_a_row_that_writes_lines_stops_after_each(pupil):
    writer = Writer(pupil, calculator=False)
    writer.open(["Problem: Six\n"])
    stops = []
    for line in ["Ask: Wie groß ist die Höhe? 😀\n", "Work: klein\n", "#### 1"]:
        pieces = written(writer, {0: 60}, line=True)[0]
        assert joined(pieces) == line
        stops.append(pieces[-1].stop)
    assert stops == ["line", "line", "end"]


def test_characters_of_several_tokens_come_whole(pupil):
    texts = [piece.text for piece in alone(pupil, "Problem: Six\n", 60)]
    assert "😀" in "".join(texts)
    assert all("\ufffd" not in text for text in texts)
    assert "" in texts[:-1]  # the tokens before the last of a character


def test_every_token_is_counted_and_the_budget_is_kept(pupil):
    whole = alone(pupil, "Problem: Two\n", 1000)
    (ids,) = tokens(pupil, [BY_HEART["Problem: Two\n"]])
    assert sum(piece.tokens for piece in whole) == len(ids) + 1  # and the end token
    for most in (1, 2, len(ids)):
        cut = alone(pupil, "Problem: Two\n", most)
        assert (sum(piece.tokens for piece in cut), cut[-1].stop) == (most, "length")
        assert BY_HEART["Problem: Two\n"].startswith(joined(cut))


def test_a_row_without_budget_writes_nothing(pupil):
    assert alone(pupil, "Problem: Two\n", 0) == [Piece(0, "", tokens=0, stop="length")]


def test_a_row_that_goes_round_in_circles_is_stopped(tiny_student):
    pieces = alone(tiny_student, RAGGED[0], 480)  # random weights say the same before long
    assert pieces[-1].stop == "loop"
    assert loops(joined(pieces))
    assert len(pieces) % LOOK == 0
    assert not loops(joined(pieces[:-LOOK]))


# ---- the calculator


def test_the_calculator_writes_the_value_whatever_the_model_would(pupil):
    guessed = joined(alone(pupil, "Problem: One\n", 100, calculator=False))
    assert guessed == "Work: 3*12 = <<3*12=99>>99.\n#### 99"
    pieces = alone(pupil, "Problem: One\n", 100, calculator=True)
    assert joined(pieces).startswith("Work: 3*12 = <<3*12=36>>")
    computed = [piece for piece in pieces if piece.computed]
    assert computed == [Piece(0, "36>>", tokens=len(tokens(pupil, ["36>>"])[0]), computed=True)]


def test_a_mark_that_cannot_be_computed_stays_as_the_model_wrote_it(pupil):
    pieces = alone(pupil, "Problem: Two\n", 100, calculator=True)
    assert joined(pieces) == BY_HEART["Problem: Two\n"]
    assert not any(piece.computed for piece in pieces)


def test_a_computed_value_counts_and_may_use_up_the_budget(pupil):
    ids = tokens(pupil, ["Work: 3*12 = <<3*12="])[0]
    pieces = alone(pupil, "Problem: One\n", len(ids) + 2, calculator=True)
    assert pieces[-1].computed
    assert pieces[-1].stop == "length"
    assert joined(pieces) == "Work: 3*12 = <<3*12=36>>"
    pieces = alone(pupil, "Problem: One\n", len(ids), calculator=True)
    assert not pieces[-1].computed
    assert joined(pieces) == "Work: 3*12 = <<3*12="


def test_a_row_that_computes_does_not_hold_up_the_others(pupil):
    prompts = ["Problem: Two\n", "Problem: One\n", "Problem: Six\n", "Problem: One\n"]
    writer = Writer(pupil, calculator=True)
    writer.open(prompts)
    together = written(writer, dict.fromkeys(range(4), 100))
    assert together[0] == alone(pupil, prompts[0], 100, calculator=True)
    assert (
        joined(together[1]) == joined(together[3]) == joined(alone(pupil, prompts[1], 100, calculator=True))
    )
    assert joined(together[2]) == BY_HEART["Problem: Six\n"]


def test_the_calculator_looks_at_what_was_written_and_not_at_the_prompt(pupil):
    writer = Writer(pupil, calculator=True)
    writer.open(["Problem: 3*12 is <<3*12"])
    assert not any(piece.computed for piece in written(writer, {0: 10})[0])


# ---- the longest there can be


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_a_prompt_beyond_the_models_positions_ends_and_harms_no_other_row(load_tiny, family):
    student = load_tiny(family)
    assert longest(student) == tiny.POSITIONS
    nearly = "a" * (tiny.POSITIONS - 3)
    assert len(tokens(student, [nearly])[0]) == tiny.POSITIONS - 3
    writer = Writer(student, calculator=False)
    writer.open([RAGGED[0], "word " * 4000, nearly])
    pieces = written(writer, dict.fromkeys(range(3), 20))
    assert pieces[0] == alone(student, RAGGED[0], 20)
    assert pieces[1] == [Piece(1, "", tokens=0, stop="length")]
    assert sum(piece.tokens for piece in pieces[2]) == 3


def test_a_problem_too_long_to_read_is_truncated_and_not_a_crash(tiny_student):
    long = Problem("How many? " * 3000, "1")
    who = solve.Solvers("tiny", Scheme(), Writer(tiny_student, calculator=True))
    *_, last = solve.solve([long], who, 100)
    assert (last.prediction.finish_reason, last.prediction.answer, last.prediction.correct) == (
        "truncated", None, False,
    )  # fmt: skip


def test_every_end_token_of_the_generation_config_ends_a_row(tiny_student):
    assert alone(tiny_student, RAGGED[0], 12)[-1].stop == "length"
    every = list(range(tiny_student.model.config.vocab_size))
    tiny_student.model.generation_config.eos_token_id = every
    assert alone(tiny_student, RAGGED[0], 12) == [Piece(0, "", stop="end")]


def test_between_two_steps_the_models_own_attention_is_back(tiny_student):
    writer = Writer(tiny_student, calculator=False)
    writer.open(RAGGED[:2])
    seen = {tiny_student.model.config._attn_implementation for _ in writer.write({0: 5, 1: 5}, line=False)}
    assert seen == {"sdpa"}
