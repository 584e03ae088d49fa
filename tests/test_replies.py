"""Replies read as they come, and replies that were recorded."""

import contextlib
import json

import pytest
from doubles import PROBLEMS, completion, each
from fault_server import FaultServer
from hypothesis import given
from hypothesis import strategies as st

from socli.annotate import annotate
from socli.errors import UsageError
from socli.events import Refused
from socli.problem import Step
from socli.recipe import TeacherTable
from socli.scheme import Scheme
from socli.teacher import Asking, replies

ASKING = Asking(PROBLEMS[0])
TWO = (Step("How many?", "4*12 = <<4*12=48>>48"), Step("And left?", "48-8 = <<48-8=40>>40"))


@pytest.mark.parametrize(
    "text",
    [
        "Ask: How many?\nWork: 4*12 = <<4*12=48>>48\nAsk: And left?\nWork: 48-8 = <<48-8=40>>40\n#### 40",
        "**Ask:** How many?\n**Work:** 4*12 = <<4*12=48>>48\n- **Ask**: And left?\n"
        "- Work: 48-8 = <<48-8=40>>40\n\n**Answer: 40**",
        "1. Ask: How many?\nWork: 4*12 = <<4*12=48>>48\n2. Ask: And left?\nWork: 48-8 = <<48-8=40>>40\n"
        "The final answer is 40.",
        "Ask 1: How many?\nWork 1: 4*12 = <<4*12=48>>48\nAsk 2: And left?\nWork 2: 48-8 = <<48-8=40>>40\n"
        r"So it is $\boxed{40}$",
        '```json\n{"steps": [{"ask": "How many?", "work": "4*12 = <<4*12=48>>48"}, '
        '{"ask": "And left?", "work": "48-8 = <<48-8=40>>40"}], "answer": 40}\n```',
        'Sure! {"answer": "40", "steps": [{"ask": "How many?", "work": "4*12 =\\n<<4*12=48>>48"}, '
        '{"work": "48-8 = <<48-8=40>>40", "ask": "And left?", "note": 1}]}',
    ],
    ids=["labels", "bold", "numbered", "boxed", "fenced JSON", "JSON in words"],
)
def test_a_reply_is_read_in_whichever_form_it_comes(text):
    assert replies.reading(text) == replies.Reading(TWO, "40")


@pytest.mark.parametrize(
    ("text", "steps", "answer"),
    [
        ('{"answer": 40}', (), "40"),
        ('{"steps": [{"work": "48-8"}], "answer": "40"}', (Step("", "48-8"),), "40"),
        ('{"steps": [{"ask": "One?"}, {"ask": "Two?"}]}', (Step("One?", ""), Step("Two?", "")), None),
        ('{"steps": [], "answer": true}', (), "yes"),
        ('{"steps": {}, "answer": [40]}', (), None),
        ("{}", (), None),
    ],
)
def test_json_says_what_the_scheme_writes(text, steps, answer):
    assert replies.reading(text) == replies.Reading(steps, answer)


@given(st.text(max_size=300))
def test_any_text_is_read(text):
    replies.reading(text)


KEYS = st.sampled_from(["steps", "answer", "ask", "work", "choices", "message", "usage"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
)


@given(JSON)
def test_any_json_is_read_or_said_to_be_no_reply(value):
    replies.reading(json.dumps(value))
    with contextlib.suppress(replies.NoReplyError):
        replies.read(json.dumps(value).encode(), ASKING)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "#### 40", "reasoning_content": "hm, 41?"},
        {"content": "#### 40", "reasoning": "hm, 41?"},
        {"content": "<think>\nhm, 41?\n</think>\n\n#### 40"},
    ],
)
def test_reasoning_is_kept_apart_from_the_answer(message):
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    reply = replies.read(body, ASKING)
    assert (reply.text, reply.reasoning) == ("#### 40", "hm, 41?")


def test_recorded_replies_give_the_same_store_without_a_server_or_a_key(store, tmp_path):
    file = tmp_path / "replies.jsonl"
    table = TeacherTable(model="m", temperature=0.5, until_correct=2)
    answers = iter(["#### 1", "#### 2", "#### 40", "#### 140"])
    with FaultServer(lambda *_: ("reply", completion(next(answers)))) as server:
        online = table.model_copy(update={"base_url": server.url, "concurrency": 1})
        events = list(annotate(PROBLEMS[:2], "set", online, Scheme("answer"), store, record=file))
    first = {(row.trace, row.verdict, row.reason, row.reply, row.tokens_out) for row in store.traces()}
    assert len(first) == len(file.read_text().splitlines()) == 4
    from socli.store import Store

    offline = table.model_copy(update={"replay": str(file)})
    with Store(tmp_path / "other.db") as other:
        again = list(annotate(PROBLEMS[:3], "set", offline, Scheme("answer"), other))
        assert {(r.trace, r.verdict, r.reason, r.reply, r.tokens_out) for r in other.traces()} == first
    assert each(events)[1:] == each(again)[1:-1]
    assert Refused(PROBLEMS[2], "no reply: replies.jsonl has none to this") in again


@pytest.mark.parametrize("text", ["no json", "{" * 10])
def test_a_file_that_holds_no_replies_is_refused(store, tmp_path, text):
    (tmp_path / "x.jsonl").write_text(text)
    table = TeacherTable(model="m", replay=str(tmp_path / "x.jsonl"))
    with pytest.raises(UsageError, match=r"x.jsonl holds no recorded replies"):
        list(annotate(PROBLEMS, "set", table, Scheme("answer"), store))
