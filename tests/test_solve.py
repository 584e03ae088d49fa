"""The Socratic loop with scripted models: who reads what, who writes when, and why each problem ends."""

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli import scheme
from socli.events import Opened, Solved, Wrote
from socli.problem import Problem, Step, Trace
from socli.scheme import Scheme, Span
from socli.solve import MOST_QUESTIONS, Solvers, solve

TEA = Problem("What do 2 teas at $3 cost?", "6")
READS = "Problem: What do 2 teas at $3 cost?\n"
SPLIT = Scheme("socratic", "split")


def alone(*turns: str, problem: Problem = TEA, most: int = 100, calculator: bool = True) -> list:
    """Events when one student writes the first turn."""
    who = Solvers("s", Scheme(), ScriptedWriter({"Problem": turns}), calculator=calculator)
    return list(solve([problem], who, most))


def paired(asks: list[str], answers: list[str], form: Scheme = SPLIT, most: int = 100) -> list:
    """Events, and then both writers, when a decomposer and a solver take turns."""
    decomposer, solver = ScriptedWriter({"Problem": asks}), ScriptedWriter({"Problem": answers})
    return [*solve([TEA], Solvers("s", form, solver, decomposer), most), decomposer, solver]


def prediction(events: list):
    (solved,) = [event for event in events if isinstance(event, Solved)]
    return solved.prediction


# ---- one student


def test_one_student_writes_the_whole_transcript():
    events = alone("Ask: How much?\nWork: 2*3 = <<2*3=[6>>]6.\n#### 6")
    assert events[0] == Opened(TEA, calculator=True)
    wrote = [event for event in events if isinstance(event, Wrote)]
    assert {event.by for event in wrote} == {"student"}
    assert [event.text for event in wrote if event.computed] == ["6>>"]
    made = prediction(events)
    assert made.text == "".join(event.text for event in wrote)
    assert made.steps == (Step("How much?", "2*3 = <<2*3=6>>6."),)
    assert (made.answer, made.correct, made.finish_reason, made.calculator) == ("6", True, "answered", True)
    assert made.tokens == len(wrote) + 1  # the end token has no text
    assert isinstance(events[-1], Solved)


@pytest.mark.parametrize(
    ("turn", "gold", "answer", "correct", "reason"),
    [
        ("#### 6", "6", "6", True, "answered"),
        ("#### $6.00", "6", "6", True, "answered"),
        ("#### 7", "6", "7", False, "answered"),
        ("#### 7", None, "7", None, "answered"),
        ("#### 2 or 3", "6", None, False, "unreadable"),
        ("#### ", "6", None, False, "unreadable"),
        ("The answer is 6.", "6", None, False, "unreadable"),
        ("", "6", None, False, "unreadable"),
        ("", None, None, None, "unreadable"),
    ],
)
def test_how_an_attempt_ends(turn, gold, answer, correct, reason):
    made = prediction(alone(turn, problem=Problem(TEA.question, gold)))
    assert (made.answer, made.correct, made.finish_reason) == (answer, correct, reason)


def test_out_of_tokens_is_truncated_even_where_an_answer_has_begun():
    made = prediction(alone("Ask: How much?\nWork: 6.\n#### 6 0", most=6))
    assert made.text == "Ask: How much?\nWork: 6.\n#### "
    assert (made.answer, made.correct, made.finish_reason, made.tokens) == (None, False, "truncated", 6)


def test_answers_are_compared_as_their_kind_asks():
    cold = Problem("Is ice cold?", "yes", "yes/no", context="Ice is frozen water.")
    made = prediction(alone("#### True", problem=cold))
    assert (made.answer, made.correct) == ("yes", True)


def test_facts_are_not_shown_to_those_that_learnt_without():
    cold = Problem("Is ice cold?", "yes", "yes/no", context="Ice is frozen water.")
    for facts, shown in (
        (True, "Problem: Is ice cold?\nFacts: Ice is frozen water.\n"),
        (False, "Problem: Is ice cold?\n"),
    ):
        writer = ScriptedWriter({"ice": ["#### yes"]})
        list(solve([cold], Solvers("s", Scheme("answer", facts=facts), writer), 100))
        assert writer.opened == [[shown]]


def test_no_calculator_is_said_in_event_and_prediction():
    events = alone("#### 6", calculator=False)
    assert events[0] == Opened(TEA, calculator=False)
    assert prediction(events).calculator is False


def test_the_prefix_stands_before_every_prompt():
    writer = ScriptedWriter({"teas": ["#### 6"], "Ivo": ["#### 140"]})
    list(solve([TEA, PROBLEMS[1]], Solvers("s", Scheme(), writer, prefix="An example.\n\n"), 100))
    assert writer.opened == [
        [f"An example.\n\n{READS}", f"An example.\n\nProblem: {PROBLEMS[1].question}\n"],
    ]


def test_problems_are_solved_side_by_side_and_told_as_they_finish():
    writer = ScriptedWriter({"teas": ["Ask: How much?\nWork: 6.\n#### 6"], "Ivo": ["#### 140"]})
    events = list(solve([TEA, PROBLEMS[1]], Solvers("s", Scheme(), writer), 100))
    assert events[:2] == [Opened(TEA, calculator=True), Opened(PROBLEMS[1], calculator=True)]
    assert [event.problem for event in events if isinstance(event, Solved)] == [PROBLEMS[1], TEA]
    first = [event.problem_id for event in events if isinstance(event, Wrote)][:2]
    assert first == [TEA.id, PROBLEMS[1].id]


# ---- two take turns

ASKS = ["Ask: What do they cost?\n", ""]
ANSWERS = [" 2*3 = 6.\n", " 6"]
TRANSCRIPT = "Ask: What do they cost?\nWork: 2*3 = 6.\n#### 6"


def test_decomposer_and_solver_take_turns_and_read_the_same_transcript():
    *events, decomposer, solver = paired(ASKS, ANSWERS)
    spoke = []
    for event in events:
        if isinstance(event, Wrote) and (not spoke or spoke[-1][0] != event.by):
            spoke.append((event.by, ""))
        if isinstance(event, Wrote):
            spoke[-1] = (event.by, spoke[-1][1] + event.text)
    assert spoke == [
        ("decomposer", "Ask: What do they cost?\n"),
        ("solver", "Work: 2*3 = 6.\n#### 6"),
    ]
    made = prediction(events)
    assert made.text == TRANSCRIPT
    assert (made.answer, made.correct, made.finish_reason) == ("6", True, "answered")
    assert solver.seen == [READS + TRANSCRIPT]
    assert decomposer.seen == [READS + "Ask: What do they cost?\nWork: 2*3 = 6.\n"]  # it ends there


def test_two_questions_are_two_rounds():
    asks = ["Ask: One?\n", "Ask: Two?\n", ""]
    *events, decomposer, solver = paired(asks, [" 1.\n", " 2.\n", " 6"])
    made = prediction(events)
    assert made.steps == (Step("One?", "1."), Step("Two?", "2."))
    assert solver.seen == [f"{READS}Ask: One?\nWork: 1.\nAsk: Two?\nWork: 2.\n#### 6"]
    assert decomposer.seen == [f"{READS}Ask: One?\nWork: 1.\nAsk: Two?\nWork: 2.\n"]


def test_without_sub_answers_the_solver_reads_the_questions_and_answers_once():
    form = Scheme("socratic", "split", sub_answers=False)
    *events, decomposer, solver = paired(["Ask: One?\n", "Ask: Two?\n", ""], [" 6"], form)
    made = prediction(events)
    assert made.text == "Ask: One?\nAsk: Two?\n#### 6"
    assert made.steps == (Step("One?", ""), Step("Two?", ""))
    assert made.correct
    assert solver.seen == [f"{READS}Ask: One?\nAsk: Two?\n#### 6"]
    assert decomposer.seen == [f"{READS}Ask: One?\nAsk: Two?\n"]


def test_a_decomposer_that_asks_nothing_leaves_the_answer_to_the_solver():
    made = prediction(paired([""], [" 6"])[:-2])
    assert (made.text, made.steps, made.correct) == ("#### 6", (), True)


@pytest.mark.parametrize(
    ("asks", "answers", "most", "reason", "text"),
    [
        (["Well, let me see\n"], [], 100, "unreadable", "Well, let me see\n"),
        (["Ask: \n"], [], 100, "empty question", "Ask: \n"),
        (
            ["Ask: One?\n", "Ask: One?\n"],
            [" 1.\n", " 1.\n"],
            100,
            "repeated step",
            "Ask: One?\nWork: 1.\nAsk: One?\nWork: 1.\n",
        ),
        (["\n"], [], 100, "unreadable", "\n"),
        (["#### 6\n"], [], 100, "unreadable", "#### 6\n"),
        (["Ask: What do they"], [], 100, "unreadable", "Ask: What do they"),
        (["Ask: One?\n"], [" I do not"], 100, "unreadable", "Ask: One?\nWork: I do not"),
        (["Ask: One?\n", ""], [" 1.\n", " perhaps"], 100, "unreadable", "Ask: One?\nWork: 1.\n#### perhaps"),
        (["Ask: What do they cost?\n"], [], 3, "truncated", "Ask: What do "),
        (["Ask: One?\n"], [" a b c d e f g\n"], 5, "truncated", "Ask: One?\nWork: a b "),
        (["Ask: One?\n", ""], [" 1.\n", " 6"], 5, "truncated", "Ask: One?\nWork: 1.\n####"),
    ],
    ids=str,
)
def test_how_the_two_end_without_an_answer(asks, answers, most, reason, text):
    made = prediction(paired(asks, answers, most=most)[:-2])
    assert (made.finish_reason, made.answer, made.correct, made.text) == (reason, None, False, text)


def test_a_writer_that_goes_round_in_circles_ends_the_problem_alone_and_in_turns():
    assert prediction(alone("Ask: One?\n~")).finish_reason == "looping"
    made = prediction(paired(["Ask: One?\n"], [" 1. 1. ~"])[:-2])
    assert (made.finish_reason, made.answer, made.text) == ("looping", None, "Ask: One?\nWork: 1. 1. ")
    assert prediction(paired(["Ask: One? ~"], [])[:-2]).finish_reason == "looping"
    assert prediction(paired(["Ask: One?\n", ""], [" 1.\n", " 1 ~"])[:-2]).finish_reason == "looping"


def test_a_decomposer_that_never_stops_asking_is_stopped():
    many = MOST_QUESTIONS + 1
    made = prediction(paired(["Ask: And?\n"] * many, [f" {n}.\n" for n in range(many)], most=1000)[:-2])
    assert (made.finish_reason, made.answer) == ("too many steps", None)


def test_as_many_questions_as_are_allowed_are_answered():
    made = prediction(
        paired(
            [*["Ask: And?\n"] * MOST_QUESTIONS, ""],
            [*(f" {n}.\n" for n in range(MOST_QUESTIONS)), " 6"],
            most=1000,
        )[:-2]
    )
    assert (len(made.steps), made.finish_reason, made.correct) == (12, "answered", True)


def test_both_students_write_from_one_budget():
    """Ask: One? (2) and its end token (1), Work: 1. (2) and the answer (2) with its end token (1)."""
    whole = prediction(paired(["Ask: One?\n", ""], [" 1.\n", " 6"])[:-2])
    assert (whole.tokens, whole.finish_reason) == (8, "answered")
    for most in range(1, 8):
        made = prediction(paired(["Ask: One?\n", ""], [" 1.\n", " 6"], most=most)[:-2])
        assert (made.tokens, made.finish_reason) == (most, "truncated")


def test_one_problem_ends_while_the_other_goes_on():
    first, second = TEA, PROBLEMS[1]
    decomposer = ScriptedWriter({"teas": ["Ask: One?\n", "Ask: Two?\n", ""], "Ivo": ["What?\n"]})
    solver = ScriptedWriter({"teas": [" 1.\n", " 2.\n", " 6"], "Ivo": []})
    events = list(solve([first, second], Solvers("s", SPLIT, solver, decomposer), 100))
    solved = [event for event in events if isinstance(event, Solved)]
    assert [(event.problem, event.prediction.finish_reason) for event in solved] == [
        (second, "unreadable"),
        (first, "answered"),
    ]


def test_what_a_decomposer_says_of_the_answer_is_not_an_answer():
    """A question with `####` in it is one line, and no line of the solver can begin a new one."""
    made = prediction(paired(["Ask: Is it #### 9?\n", ""], [" No. #### 9\n", " 6"])[:-2])
    assert made.steps == (Step("Is it #### 9?", "No. #### 9"),)
    assert (made.answer, made.correct) == ("6", True)


# ---- what is learnt is what is decoded


class Recorder(ScriptedWriter):
    """Writes down what it reads and what it writes, in the pieces in which it does."""

    def __init__(self, scripts):
        super().__init__(scripts)
        self.spans: list[Span] = []

    def open(self, prompts, prefix=""):
        super().open(prompts, prefix)
        self.spans += [Span(prompt, learnt=False) for prompt in prompts]

    def add(self, number, text):
        super().add(number, text)
        self.spans += [Span(text, learnt=False)] * bool(text)

    def write(self, limits, *, line, together=None):
        text = ""
        for piece in super().write(limits, line=line, together=together):
            text += piece.text
            yield piece
        self.spans += [Span(text, learnt=True)] * bool(text)


@pytest.mark.parametrize("guide", ["none", "count", "operators", "equations"])
@pytest.mark.parametrize("decomposer", ["interleaved", "planned"])
@pytest.mark.parametrize("sub_answers", [True, False])
@pytest.mark.parametrize("roles", ["unified", "split"])
def test_a_lesson_is_cut_where_the_loop_reads_and_writes(roles, sub_answers, decomposer, guide):
    problem, form = PROBLEMS[0], Scheme("socratic", roles, sub_answers, decomposer, guide)
    trace = Trace(problem.id, problem.steps, "40", "reference")
    lessons = {lesson.role: lesson for lesson in scheme.lessons(problem, trace, form)}
    turns = {role: [target for _, target in lesson.pairs()] for role, lesson in lessons.items()}
    if "decomposer" in turns and not form.planned:
        turns["decomposer"].append("")  # it ends
    writers = {role: Recorder({"Problem": said}) for role, said in turns.items()}
    answering = writers.get("solver") or writers["student"]
    who = Solvers("s", form, answering, writers.get("decomposer"), planner=writers.get("planner"))
    made = prediction(list(solve([problem], who, 300)))
    assert (made.correct, made.text) == (True, scheme.write(problem.steps, "40", form))
    for role, lesson in lessons.items():
        assert tuple(writers[role].spans) == lesson.spans


# ---- everything is asked first

PLANNED = Scheme("socratic", "split", decomposer="planned")


def test_a_planned_decomposer_asks_once_and_the_solver_answers_in_order():
    *events, decomposer, solver = paired(["Ask: One?\nAsk: Two?\n"], [" 1.\n", " 2.\n", " 6"], PLANNED)
    made = prediction(events)
    assert made.text == "Ask: One?\nAsk: Two?\nWork: 1.\nWork: 2.\n#### 6"
    assert made.steps == (Step("One?", "1."), Step("Two?", "2."))
    assert (made.answer, made.correct, made.finish_reason) == ("6", True, "answered")
    assert made.text == "".join(event.text for event in events if isinstance(event, Wrote))
    assert decomposer.seen == [f"{READS}Ask: One?\nAsk: Two?\n"]
    assert solver.seen == [f"{READS}Ask: One?\nWork: 1.\nAsk: Two?\nWork: 2.\n#### 6"]


def test_planned_without_sub_answers_the_solver_reads_all_questions_and_answers_once():
    form = Scheme("socratic", "split", sub_answers=False, decomposer="planned")
    *events, _, solver = paired(["Ask: One?\nAsk: Two?\n"], [" 6"], form)
    assert prediction(events).text == "Ask: One?\nAsk: Two?\n#### 6"
    assert solver.seen == [f"{READS}Ask: One?\nAsk: Two?\n#### 6"]


def test_planned_problems_of_other_lengths_go_side_by_side():
    decomposer = ScriptedWriter({"teas": ["Ask: One?\nAsk: Two?\n"], "Ivo": ["Ask: Why?\n"]})
    solver = ScriptedWriter({"teas": [" 1.\n", " 2.\n", " 6"], "Ivo": [" 20*7.\n", " 140"]})
    events = list(solve([TEA, PROBLEMS[1]], Solvers("s", PLANNED, solver, decomposer), 100))
    solved = [event for event in events if isinstance(event, Solved)]
    assert [(event.problem, event.prediction.correct) for event in solved] == [
        (PROBLEMS[1], True),
        (TEA, True),
    ]


@pytest.mark.parametrize(
    ("asks", "answers", "most", "reason", "text"),
    [
        ("", [" 6"], 100, "answered", "#### 6"),
        ("Ask: One?\nWell\n", [], 100, "unreadable", "Ask: One?\nWell\n"),
        ("Ask: One?\n#### 6", [], 100, "unreadable", "Ask: One?\n#### 6"),
        ("Ask: One?\nAsk: Two", [], 100, "unreadable", "Ask: One?\nAsk: Two"),
        ("Ask: A\x85Ask: B?\n", [" 1.\n", " 6"], 100, "answered", "Ask: A\x85Ask: B?\nWork: 1.\n#### 6"),
        ("Ask: One?\nAsk: Two?\n", [], 3, "truncated", "Ask: One?\nAsk: "),
        ("Ask: One?\n", [" I do not"], 100, "unreadable", "Ask: One?\nWork: I do not"),
        ("Ask: And?\n" * 13, [], 100, "too many steps", "Ask: And?\n" * 13),
    ],
    ids=str,
)
def test_how_a_planned_attempt_ends(asks, answers, most, reason, text):
    made = prediction(paired([asks], answers, PLANNED, most=most)[:-2])
    assert (made.finish_reason, made.text) == (reason, text)


def test_as_many_planned_questions_as_are_allowed_are_answered():
    asks = "".join(f"Ask: And {n}?\n" for n in range(MOST_QUESTIONS))
    answers = [*[" 1.\n"] * MOST_QUESTIONS, " 6"]
    made = prediction(paired([asks], answers, PLANNED, most=1000)[:-2])
    assert (len(made.steps), made.finish_reason, made.correct) == (12, "answered", True)


# ---- a planner guides


def guided(plan: str, form: Scheme, turns: list[str], most: int = 100) -> tuple:
    """The prediction, then what planner, asker and solver have seen, where a planner writes this line."""
    planner, asker = ScriptedWriter({"Problem": [plan]}), ScriptedWriter({"Problem": [turns[0]]})
    solver = ScriptedWriter({"Problem": turns[1:]}) if form.split else asker
    decomposer = asker if form.split else None
    who = Solvers("s", form, solver, decomposer, planner=planner)
    events = list(solve([TEA], who, most))
    spoke = list(dict.fromkeys(event.by for event in events if isinstance(event, Wrote)))
    return prediction(events), spoke, planner.seen, asker.seen, solver.seen


def test_a_plan_is_written_first_and_read_by_the_decomposer_alone():
    form = Scheme("socratic", "split", decomposer="planned", guide="count")
    made, spoke, planner, asker, solver = guided(" 1\n", form, ["Ask: One?\n", " 1.\n", " 6"])
    assert made.text == "Plan: 1\nAsk: One?\nWork: 1.\n#### 6"
    assert (made.steps, made.correct) == ((Step("One?", "1."),), True)
    assert spoke == ["planner", "decomposer", "solver"]
    assert planner == [f"{READS}Plan: 1\n"]
    assert asker == [f"{READS}Plan: 1\nAsk: One?\n"]
    assert solver == [f"{READS}Ask: One?\nWork: 1.\n#### 6"]


def test_one_student_reads_its_plan_and_writes_on():
    form = Scheme("socratic", guide="operators")
    made, spoke, _, asker, _ = guided(" *\n", form, ["Ask: One?\nWork: 1.\n#### 6"])
    assert made.text == "Plan: *\nAsk: One?\nWork: 1.\n#### 6"
    assert (made.correct, spoke) == (True, ["planner", "student"])
    assert asker == [f"{READS}Plan: *\nAsk: One?\nWork: 1.\n#### 6"]


@pytest.mark.parametrize(
    ("plan", "most", "reason", "text"),
    [(" 1", 100, "unreadable", "Plan: 1"), (" 1 2 3\n", 2, "truncated", "Plan: 1 ")],
)
def test_without_a_whole_plan_nothing_is_asked(plan, most, reason, text):
    made, spoke, *_ = guided(plan, Scheme("socratic", guide="count"), ["#### 6"], most)
    assert (made.finish_reason, made.text, spoke) == (reason, text, ["planner"])


def test_nothing_to_solve_is_nothing_told():
    assert list(solve([], Solvers("s", Scheme(), ScriptedWriter({})), 100)) == []
