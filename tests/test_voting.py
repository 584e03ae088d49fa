"""Samples that vote, or are written again until they are sound, with scripted writers and a tiny one."""

from dataclasses import replace

import pytest
import torch
from doubles import ScriptedWriter

from socli.engine.decode import Writer, drawn
from socli.events import Solved, Wrote
from socli.problem import Problem
from socli.scheme import Scheme
from socli.solve import Solvers, solve
from socli.writers.pieces import Sampling
from socli.writers.voting import TRIES, voted

TEA = Problem("What do 2 teas at $3 cost?", "6")
SPLIT = Scheme("socratic", "split")


def alone(*samples: str, votes: int = 0, until_valid: bool = False, problem: Problem = TEA, most: int = 100):
    """The events when one student votes; and its writer."""
    writer = ScriptedWriter({"Problem": [samples]})
    who = voted(
        Solvers("s", Scheme(), writer), writer, Sampling(), votes, problem.kind, until_valid=until_valid
    )
    return [*solve([problem], who, most)], writer


def last(events) -> Solved:
    return next(event for event in events if isinstance(event, Solved))


def text_of(events) -> str:
    return "".join(event.text for event in events if isinstance(event, Wrote))


# ---- votes


def test_the_commonest_answer_wins_in_the_words_of_the_first_that_gave_it():
    events, _ = alone("#### 7", "It is 2*3.\n#### 6", "#### 6.00", votes=3)
    solved = last(events)
    assert solved.prediction.text == text_of(events) == "It is 2*3.\n#### 6"
    assert (solved.prediction.answer, solved.prediction.correct) == ("6", True)
    assert solved.prediction.shares == (pytest.approx(2 / 3),)
    assert solved.prediction.tokens == 3 + 6 + 3  # of all samples, end tokens included


@pytest.mark.parametrize(
    ("samples", "answer", "share"),
    [
        (("#### 5", "#### 6"), "5", 0.5),
        (("no idea", "#### 6", "no idea", "no idea"), "6", 0.25),
        (("#### 5", "#### 5 ~", "#### 6", "#### 6"), "6", 0.5),
        (("#### 5", "#### a b c d e f g h", "#### 6", "#### 6"), "6", 0.5),
        (("no idea", "none"), None, 0.0),
    ],
)
def test_of_equals_the_first_wins_and_what_came_to_no_answer_has_no_vote(samples, answer, share):
    solved = last(alone(*samples, votes=len(samples), most=7)[0])
    assert (solved.prediction.answer, solved.prediction.shares) == (answer, (share,))


def test_the_solver_of_two_votes_on_every_sub_answer_and_all_samples_go_on_from_the_winner():
    solver = ScriptedWriter(
        {"Problem": [(" <<2*2=4>>4.\n", " So 2*3 = 6.\n", " It is $6.\n"), (" 6", " 6", " 7")]}
    )
    decomposer = ScriptedWriter({"Problem": ["Ask: How much?\n", ""]})
    who = voted(Solvers("s", SPLIT, solver, decomposer), solver, Sampling(), 3, "number")
    events = list(solve([TEA], who, 100))
    solved = last(events)
    transcript = "Ask: How much?\nWork: So 2*3 = 6.\n#### 6"
    assert solved.prediction.text == text_of(events) == transcript
    assert solved.prediction.shares == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert [event.share for event in events if isinstance(event, Wrote) and event.share] == list(
        solved.prediction.shares
    )
    assert {seen.rpartition(" ")[0] for seen in solver.seen} == {
        f"Problem: {TEA.question}\n{transcript[:-2]}"
    }


def test_problems_side_by_side_vote_each_for_itself():
    other = Problem("What is 1+1?", "2")
    writer = ScriptedWriter({"teas": [("#### 6", "#### 6")], "1+1": [("#### 3", "Let me see\n#### 2")]})
    who = voted(Solvers("s", Scheme(), writer), writer, Sampling(), 2, "number")
    done = {event.problem: event for event in solve([TEA, other], who, 50) if isinstance(event, Solved)}
    assert (done[TEA].prediction.answer, done[TEA].prediction.shares) == ("6", (1.0,))
    assert (done[other].prediction.answer, done[other].prediction.shares) == ("3", (0.5,))


# ---- until it is sound

WRONG, RIGHT = "Work: <<2*3=5>>5.\n#### 5", "Work: <<2*3=6>>6.\n#### 6"


def test_it_is_written_again_until_no_equation_is_wrong():
    events, writer = alone(WRONG, WRONG, RIGHT, *[WRONG] * (TRIES - 3), until_valid=True)
    solved = last(events)
    assert (solved.prediction.text, solved.prediction.answer, solved.prediction.shares) == (RIGHT, "6", ())
    assert sum(WRONG in seen for seen in writer.seen) == 2  # the others was never written
    assert solved.prediction.tokens == 3 * 5  # end tokens included


def test_where_no_try_is_sound_the_first_stands():
    events, _ = alone(*[WRONG] * TRIES, until_valid=True)
    assert last(events).prediction.text == WRONG


def test_with_votes_only_the_sound_ones_vote():
    solved = last(alone(WRONG, WRONG, RIGHT, votes=3, until_valid=True)[0])
    assert (solved.prediction.answer, solved.prediction.shares) == ("6", (pytest.approx(1 / 3),))


# ---- drawing


def test_chance_falls_on_the_likeliest_tokens_by_their_shares_and_on_no_other():
    logits = torch.tensor([[0.2, 0.5, 0.3]]).log()
    for chance, token in ((0.0, 1), (0.62, 1), (0.63, 2), (0.999999, 2)):
        assert drawn(logits, Sampling(1.0, 0.7), [chance]) == [token]
    for chance, token in ((0.49, 1), (0.51, 2), (0.79, 2), (0.81, 0)):
        assert drawn(logits, Sampling(1.0, 1.0), [chance]) == [token]
    assert drawn(logits, Sampling(1.0, 0.01), [0.999]) == [1]
    assert drawn(logits, Sampling(0.0), [0.999]) == [1]
    hot = drawn(logits.repeat(1000, 1), Sampling(100.0, 1.0), [n / 1000 for n in range(1000)])
    assert all(330 < hot.count(token) < 337 for token in range(3))


def test_a_sample_is_the_same_whatever_is_beside_it_and_in_which_order(tiny_student):
    prompts = [f"Problem: {'candles ' * n}{n}\n" for n in range(6)]

    def written(some: list[str], seed: int, together: int | None = None) -> dict[str, list[str]]:
        writer = Writer(tiny_student, calculator=False)
        writer.sample(Sampling(1.0, 0.95, seed, repeats=2))
        writer.open([prompt for prompt in some for _ in range(2)])
        texts = [""] * (2 * len(some))
        for piece in writer.write(dict.fromkeys(range(len(texts)), 20), line=False, together=together):
            texts[piece.row] += piece.text
        return {prompt: texts[2 * n : 2 * n + 2] for n, prompt in enumerate(some)}

    whole = written(prompts, 1)
    assert written(prompts[::-1], 1) == whole
    assert written(prompts, 1, together=3) == whole
    assert written(prompts[2:3], 1)[prompts[2]] == whole[prompts[2]]
    assert all(one != other for one, other in whole.values())
    assert written(prompts, 2) != whole


def test_rows_that_follow_another_go_on_as_it_would(tiny_student):
    writer = Writer(tiny_student, calculator=False)
    writer.open(["Problem: One\n", "Problem: Two candles\n", "Problem: One\n"])

    def turn(rows: list[int]) -> list[str]:
        texts = dict.fromkeys(rows, "")
        for piece in writer.write(dict.fromkeys(rows, 9), line=False):
            texts[piece.row] += piece.text
        return list(texts.values())

    first = turn([0, 1, 2])
    assert first[0] != first[1]
    writer.follow(0, [1])
    for row in range(3):
        writer.add(row, " more")
    after = turn([0, 1, 2])
    assert after[0] == after[1] == after[2]


def test_sampling_is_one_value_with_its_repeats():
    how = replace(Sampling(), repeats=4)
    assert how.chance("a", 1, 0) == how.chance("a", 5, 0) != how.chance("a", 2, 0)
    assert 0 <= how.chance("a\ud800", 0, 7) < 1
