"""As what a reply is asked for: the highest rung that the server takes, remembered and said."""

import json

import pytest
from doubles import PROBLEMS, completion, each
from werkzeug import Request, Response

from socli import prompts
from socli.annotate import annotate
from socli.errors import UsageError
from socli.events import Noted, Traced
from socli.problem import Problem, Step
from socli.scheme import Reading, Scheme
from socli.tables import TeacherTable
from socli.teacher import Asking, ladder, request
from socli.teacher.cached import Cache
from socli.teacher.ladder import Ladder

ANSWER = Scheme("answer")
SUMS = [Problem(f"What is {n} and {n}?", str(2 * n)) for n in range(1, 13)]


def raw(body: str, status: int = 200) -> Response:
    return Response(body, status=status, content_type="application/json")


class Choosy:
    """A server that refuses some forms, as a rule with HTTP 400, and writes JSON where asked for it."""

    def __init__(self, httpserver, refuses=(), text=None, status=400):
        self.refuses, self.text, self.status, self.asked = refuses, text, status, []
        httpserver.expect_request("/v1/chat/completions").respond_with_handler(self._answer)
        self.table = TeacherTable(model="m", base_url=httpserver.url_for("/v1"), concurrency=1)

    def _answer(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        form = body.get("response_format", {"type": "text"})["type"]
        self.asked.append(form)
        if form in self.refuses:
            return raw('{"error": {"message": "response_format is not supported"}}', status=self.status)
        n = int(body["messages"][-1]["content"].split()[3])
        text = f"#### {2 * n}" if form == "text" else json.dumps({"answer": str(2 * n)})
        return raw(json.dumps(completion(self.text or text)))


def told(store, server, cache=None, problems=SUMS, **settings):
    table = server.table.model_copy(update=settings)
    events = list(annotate(problems, "set", table, ANSWER, store, cache=cache, backoff=0.0))[1:]
    return [event.text for event in events if isinstance(event, Noted)], each(events)


@pytest.mark.parametrize(
    ("refuses", "asked", "notes"),
    [
        ((), ["json_schema"] * 12, ["asking m for JSON by a schema"]),
        (
            ("json_schema",),
            ["json_schema", *["json_object"] * 12],
            [
                "asking m for JSON by a schema",
                "the server refuses JSON by a schema: asking for JSON from now on",
            ],
        ),
        (
            ("json_schema", "json_object"),
            ["json_schema", "json_object", *["text"] * 12],
            [
                "asking m for JSON by a schema",
                "the server refuses JSON by a schema: asking for lines of text from now on",
            ],
        ),
    ],
)
def test_a_server_that_refuses_a_form_is_asked_for_the_next_and_no_problem_is_lost(
    store, httpserver, refuses, asked, notes
):
    server = Choosy(httpserver, refuses)
    assert told(store, server)[0] == notes
    assert server.asked == asked
    assert store.counts()["kept"] == 12
    assert store.counts()["refused"] == 0


def test_many_at_a_time_step_down_together(store, httpserver):
    server = Choosy(httpserver, ("json_schema", "json_object"))
    notes, events = told(store, server, concurrency=8)
    assert [type(event) for event in events] == [Traced] * 12
    assert notes[1:] == ["the server refuses JSON by a schema: asking for lines of text from now on"]
    assert server.asked.count("text") == 12


def test_a_form_that_crashes_the_server_three_times_is_not_asked_for_any_more(store, httpserver):
    server = Choosy(httpserver, ("json_schema",), status=500)
    notes, events = told(store, server)
    assert [type(event) for event in events] == [Traced] * 12
    assert notes[1:] == ["the server refuses JSON by a schema: asking for JSON from now on"]
    assert server.asked == [*["json_schema"] * 3, *["json_object"] * 12]


def test_the_rung_that_worked_is_remembered_for_the_model_and_its_server(store, httpserver, tmp_path):
    server, cache = Choosy(httpserver, ("json_schema",)), Cache(tmp_path / "cache")
    told(store, server, cache, SUMS[:1])
    notes, _ = told(store, server, cache, SUMS[:2])
    assert notes == ["asking m for JSON, which worked before"]
    assert server.asked == ["json_schema", "json_object", "json_object"]
    told(store, server, cache, SUMS[:3], model="other")
    assert server.asked[3:5] == ["json_schema", "json_object"]
    cache.close()


def test_a_lower_rung_is_asked_first_where_the_recipe_says_so(store, httpserver):
    server = Choosy(httpserver)
    assert told(store, server, output="text")[0] == ["asking m for lines of text"]
    assert set(server.asked) == {"text"}


def test_where_nothing_can_be_read_the_next_rung_is_asked_for(store, httpserver):
    server = Choosy(httpserver, text="I would rather not say.")
    notes, events = told(store, server)
    assert notes[1] == ("none of 8 replies in JSON by a schema could be read: asking for JSON from now on")
    assert [event.reason for event in events] == ["unreadable"] * 12
    assert set(server.asked[:8]) == {"json_schema"}
    assert server.asked[-1] == "json_object"


def test_a_request_refused_on_every_rung_is_refused_and_the_rung_stays(store, httpserver):
    server = Choosy(httpserver, ("json_schema", "json_object", "text"))
    with pytest.raises(UsageError, match="the teacher refuses the request: HTTP 400"):
        told(store, server, problems=SUMS[:1])
    assert server.asked == ["json_schema", "json_object", "text"]


def test_once_a_form_was_answered_a_refusal_is_the_problems_own():
    steps = Ladder("m", "schema")
    assert steps.below("schema") == "json"
    steps.answered("schema")
    assert steps.below("schema") is None
    steps.answered("json")
    assert (steps.rung, len(steps.notes)) == ("schema", 1)


def test_a_trace_has_the_same_id_on_every_rung(store, httpserver):
    server = Choosy(httpserver, ("json_schema",))
    told(store, server, output="text")
    assert told(store, server)[1] == []
    assert len(server.asked) == 12


# ---- what is sent


def test_the_schema_is_that_of_the_scheme():
    def properties(form):
        body = request(Asking(PROBLEMS[0]), TeacherTable(model="m"), form, "schema")
        wanted = body["response_format"]["json_schema"]
        assert (wanted["strict"], wanted["schema"]["additionalProperties"]) == (True, False)
        return wanted["schema"]["properties"]

    text = {"type": "string"}
    assert properties(ANSWER) == {"answer": text}
    assert properties(Scheme("cot"))["steps"]["items"]["required"] == ["work"]
    assert properties(Scheme("socratic"))["steps"]["items"]["properties"] == {"ask": text, "work": text}
    assert properties(Scheme("socratic", sub_answers=False))["steps"]["items"]["required"] == ["ask"]


def test_a_teacher_asked_for_json_is_shown_json():
    body = request(Asking(PROBLEMS[0]), TeacherTable(model="m"), Scheme("socratic"), "json")
    system, _, shown, *_, last = body["messages"]
    assert system["content"] == f"{prompts.instruction(Scheme('socratic'))}\n\n{prompts.as_json()}"
    assert "JSON" in system["content"]  # OpenAI refuses JSON mode without the word
    assert sorted(json.loads(shown["content"])) == ["answer", "steps"]
    assert last == {"role": "user", "content": f"Problem: {PROBLEMS[0].question}"}
    assert body["response_format"] == {"type": "json_object"}


def test_a_guided_teacher_writes_the_missing_half_as_json(store, httpserver):
    known = Problem("What is 1 and 1?", "2", steps=(Step("", "1+1 = <<1+1=2>>2."),))
    server = Choosy(httpserver, text='{"steps": [{"ask": "What do they make?"}]}')
    table = server.table.model_copy(update={"guided": True})
    (*_, event, _) = annotate([known], "set", table, Scheme("socratic"), store)
    assert event.trace.steps == (Step("What do they make?", "1+1 = <<1+1=2>>2."),)


def test_a_guided_teacher_is_held_to_the_number_of_steps_that_it_is_shown():
    known = Problem("What is 1 and 1, twice?", "4", steps=(Step("", "1+1 = 2."), Step("", "2*2 = 4.")))
    wanted = [
        request(Asking(known), TeacherTable(model="m", guided=guided), Scheme("socratic"), "schema")
        ["response_format"]["json_schema"]["schema"]["properties"]["steps"]
        for guided in (True, False)
    ]  # fmt: skip
    assert [(one.get("minItems"), one.get("maxItems")) for one in wanted] == [(2, 2), (None, None)]


def test_what_is_not_there_is_not_written():
    assert ladder.as_json(Reading((Step("a?", ""), Step("", "b")), None)) == {
        "steps": [{"ask": "a?"}, {"work": "b"}]
    }
    assert ladder.as_json(Reading((), "4")) == {"answer": "4"}
