"""Students behind a server, teachers that solve: real requests to a scripted server on loopback."""

from itertools import chain

import pytest
from doubles import ScriptedApi, ScriptedServer, completion
from pytest_httpserver import HTTPServer

from socli.cli.parts import Parts, solvers_of
from socli.errors import MissingError, TryAgainError, UsageError
from socli.events import Solved, Wrote
from socli.problem import Problem, Step
from socli.scheme import Scheme
from socli.solve import Solvers, solve
from socli.writers.chatting import ChatWriter
from socli.writers.pieces import Piece, Sampling
from socli.writers.served import Endpoint, ServerWriter

TEA = Problem("What do 2 teas at $3 cost?", "6")
IVO = Problem("Ivo reads 4 pages a day. How many in a week?", "28")
SPLIT = Scheme("socratic", "split")


def student(url: str, *, calculator: bool = True) -> ServerWriter:
    return ServerWriter(Endpoint("student", url, retries=0), calculator=calculator)


def solved(problems: list[Problem], who: Solvers, most: int = 100) -> dict[Problem, Solved]:
    return {e.problem: e for e in solve(problems, who, most) if isinstance(e, Solved)}


# ---- two take turns over HTTP


def test_two_students_take_turns_on_a_server_with_many_problems_in_flight(httpserver: HTTPServer):
    asks = ScriptedServer(
        httpserver,
        {
            "cost?\n": "Ask: What do they cost?\nWork: and so on",
            "week?\n": "Ask: How many pages in 7 days?\n",
            "6 dollars.\n": "",
            "28>>28.\n": "",
            "cost?\nWork:": " They cost 6 dollars.\nAsk: What else?",
            "days?\nWork:": " 4*7 = <<4*7=27>>27.\n",
            "<<4*7=28>>": "28.\n",
            "dollars.\n####": " 6",
            "28.\n####": " 28",
        },
    )
    who = Solvers("served", SPLIT, student(asks.url), student(asks.url, calculator=False))
    done = solved([TEA, IVO], who)
    assert done[TEA].prediction.text == "Ask: What do they cost?\nWork: They cost 6 dollars.\n#### 6"
    assert done[TEA].prediction.steps == (Step("What do they cost?", "They cost 6 dollars."),)
    assert done[IVO].prediction.text == ("Ask: How many pages in 7 days?\nWork: 4*7 = <<4*7=28>>28.\n#### 28")
    assert all(event.prediction.correct for event in done.values())
    assert {tuple(asked["stop"]) for asked in asks.asked} == {("\n",)}
    assert {asked["temperature"] for asked in asks.asked} == {0.0}
    assert asks.asked[0]["model"] == "student"


# ---- the calculator

MARKED = " 3*12 = <<3*12={}>>{}.\n"


def turn(writer: ServerWriter, most: int = 100) -> list[Piece]:
    writer.open(["Problem: ?\n"])
    writer.add(0, "Work:")
    return list(writer.write({0: most}, line=True))


def test_a_right_value_stands_and_costs_no_other_request(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": MARKED.format(36, 36)})
    assert turn(student(server.url)) == [Piece(0, MARKED.format(36, 36), tokens=4, stop="line")]
    assert len(server.asked) == 1


def test_a_wrong_value_is_the_calculators_and_the_server_goes_on_from_there(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": MARKED.format(99, 99), "=36>>": "36 eggs.\n"})
    pieces = turn(student(server.url))
    assert "".join(piece.text for piece in pieces) == " 3*12 = <<3*12=36>>36 eggs.\n"
    assert [piece.text for piece in pieces if piece.computed] == ["36>>"]
    assert server.asked[1]["prompt"] == "Problem: ?\nWork: 3*12 = <<3*12=36>>"
    assert sum(piece.tokens + piece.lost for piece in pieces) == 4 + 3  # all that the server wrote


def test_without_the_calculator_the_server_has_the_word(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": MARKED.format(99, 99)})
    assert turn(student(server.url, calculator=False))[0].text == MARKED.format(99, 99)


# ---- why a row stops


def test_a_row_out_of_tokens_is_truncated(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": " one two three four five\n"})
    assert turn(student(server.url), 3) == [Piece(0, " one two three", tokens=3, stop="length")]
    assert turn(student(server.url), 0) == [Piece(0, "", tokens=0, stop="length")]


def test_a_row_that_goes_round_in_circles_is_stopped(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": " so it is," * 80})
    assert turn(student(server.url), 90)[-1].stop == "loop"


def test_a_whole_transcript_ends_with_its_answer_line(httpserver: HTTPServer):
    text = "Ask: How much?\nWork: 2*3 = <<2*3=7>>7."
    rest = "6.\n#### 6\nand more"
    server = ScriptedServer(httpserver, {"cost?\n": text, "<<2*3=6>>": rest})
    done = solved([TEA], Solvers("served", Scheme(), student(server.url)))
    assert done[TEA].prediction.text == "Ask: How much?\nWork: 2*3 = <<2*3=6>>6.\n#### 6\n"
    assert done[TEA].prediction.correct


def test_samples_are_drawn_with_a_seed_of_their_own(httpserver: HTTPServer):
    server = ScriptedServer(httpserver, {"Work:": " one.\n"})
    writer = student(server.url)
    writer.sample(Sampling(0.5, 0.9, seed=3, repeats=2))
    writer.open(["Problem: ?\n"] * 2)
    for row in range(2):
        writer.add(row, "Work:")
    list(writer.write({0: 9, 1: 9}, line=True))
    assert {(asked["temperature"], asked["top_p"]) for asked in server.asked} == {(0.5, 0.9)}
    assert len({asked["seed"] for asked in server.asked}) == 2


# ---- what goes wrong


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (404, "no such model: sk-secret", UsageError, "the server refuses the request: HTTP 404"),
        (401, "sk-secret", UsageError, "the server refuses the request: HTTP 401"),
        (503, "busy", TryAgainError, "the server does not answer: HTTP 503"),
        (200, "<html>", TryAgainError, "the server sent no completion"),
        (200, '{"choices": []}', TryAgainError, "the server sent no completion"),
        (200, '{"choices": 7}', TryAgainError, "the server sent no completion"),
    ],
)
def test_t7_t23_what_a_server_may_send_is_a_sentence_without_its_text(
    httpserver: HTTPServer, status: int, body: str, error: type[Exception], says: str
):
    httpserver.expect_request("/v1/completions").respond_with_data(body, status)
    with pytest.raises(error) as told:
        turn(student(httpserver.url_for("/v1")))
    assert str(told.value) == says


def test_no_server_is_a_sentence():
    with pytest.raises(TryAgainError, match=r"the server at 127\.0\.0\.1 cannot be reached"):
        turn(student("http://127.0.0.1:9/v1"))


def test_without_a_key_and_an_address_nothing_is_sent():
    with pytest.raises(MissingError, match="OPENAI_API_KEY holds no API key"):
        turn(ServerWriter(Endpoint("gpt"), calculator=True))


# ---- a teacher


def test_a_teacher_solves_alone_and_its_own_style_is_read(httpserver: HTTPServer):
    said = "**Ask:** How much?\n**Work:** 2*3 = <<2*3=6>>6.\n**Answer:** 6"
    api = ScriptedApi(httpserver, {"teas": [completion(said)]})
    writer = ChatWriter(Endpoint("teacher", api.url), Scheme(), "number")
    done = solved([TEA], Solvers("teacher", Scheme(), writer, calculator=False))
    assert done[TEA].prediction.text == "Ask: How much?\nWork: 2*3 = <<2*3=6>>6.\n#### 6"
    assert (done[TEA].prediction.answer, done[TEA].prediction.tokens) == ("6", 7)
    assert api.asked[0]["messages"][0]["role"] == "system"
    assert api.asked[0]["messages"][-1] == {"role": "user", "content": f"Problem: {TEA.question}"}


def test_a_teacher_that_solves_alone_is_asked_for_the_scheme_that_is_named(httpserver: HTTPServer):
    api = ScriptedApi(httpserver, {"teas": [completion("Ask: How much?\nWork: 2*3 = 6.\n#### 6")]})
    asked = Parts(base_url=api.url, scheme="cot")
    done = solved([TEA], solvers_of(None, "big", asked, "number"))
    assert done[TEA].prediction.text == "Work: 2*3 = 6.\n#### 6"
    told = [message["content"] for message in api.asked[0]["messages"]]
    assert not any("Ask:" in words for words in told)


def test_a_teacher_that_leaves_the_answer_out_is_asked_for_it(httpserver: HTTPServer):
    api = ScriptedApi(
        httpserver,
        {
            "final answer": [completion("#### 6"), completion("no idea")],
            "teas": [completion("Ask: How much?\nWork: 2*3 = 6.\n")],
            "Ivo": [completion("Ask: How many?")],
        },
    )
    writer = ChatWriter(Endpoint("teacher", api.url, concurrency=1), Scheme(), "number")
    done = solved([TEA, IVO], Solvers("teacher", Scheme(), writer, calculator=False))
    assert done[TEA].prediction.text == "Ask: How much?\nWork: 2*3 = 6.\n#### 6"
    assert (done[TEA].prediction.correct, done[TEA].prediction.tokens) == (True, 14)
    assert done[IVO].prediction.answer is None
    asked = [one["messages"] for one in api.asked]
    again = [told for told in asked if told[-1]["content"].startswith("Give the final answer")]
    assert (len(asked), len(again)) == (4, 2)
    assert {told[-2]["content"] for told in again} == {"Ask: How much?\nWork: 2*3 = 6.\n", "Ask: How many?"}


def test_a_teacher_takes_the_turns_of_both(httpserver: HTTPServer):
    api = ScriptedApi(
        httpserver,
        {
            "final answer": [completion("#### 6")],
            "Answer the last": [completion("Work: 2*3 = 6.")],
            "next sub-question": [completion("Ask: How much?"), completion("####")],
        },
    )
    writers = [ChatWriter(Endpoint("teacher", api.url), SPLIT, "number") for _ in range(2)]
    events = list(solve([TEA], Solvers("two", SPLIT, *writers), 100))
    assert events[-1].prediction.text == "Ask: How much?\nWork: 2*3 = 6.\n#### 6"
    assert events[-1].prediction.correct
    by = [event.by for event in events if isinstance(event, Wrote)]
    assert by == list(chain(["decomposer"], ["solver"] * 4))
    assert "Ask: How much?\nWork:\n\nAnswer the last sub-question" in api.asked[1]["messages"][-1]["content"]
