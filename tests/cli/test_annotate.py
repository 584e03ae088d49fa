"""`socli annotate`: free and paid teachers, what is kept, refused and asked again."""

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Process, Socli, dump, jsonl, recipe, sql
from doubles import PROBLEMS, ScriptedApi, completion
from fault_server import FaultServer
from pytest_httpserver import HTTPServer

GOOD = {
    PROBLEMS[0].question: "Ask: How many candles are there?\nWork: 4*12 = <<4*12=48>>48\n"
    "Ask: How many are left?\nWork: 48-8 = <<48-8=40>>40\n#### 40",
    PROBLEMS[1].question: "Ask: How many pages?\nWork: 20*7 = <<20*7=140>>140\n#### 140",
    PROBLEMS[2].question: "Ask: How much is left?\nWork: 3/2 = <<3/2=1.5>>1.5\n#### 1.5",
    PROBLEMS[3].question: "Ask: What does it cost?\nWork: 2*3+2 = <<2*3+2=8>>8\n#### 8",
}


@pytest.fixture
def teacher(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """A teacher that is right about all four problems."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    return ScriptedApi(httpserver, {part: [completion(text)] for part, text in GOOD.items()})


def test_the_built_in_stories_are_annotated_by_the_reference(socli: Socli, home: Path) -> None:
    done = socli("annotate", "--recipe", "quickstart", "--limit", "5")
    assert (done.code, done.out) == (0, "")
    assert done.told[0] == "annotating 5 problems with reference, 0 done before"
    assert done.told[-1] == (
        "kept 5 now, 5 in all; next: socli distill --recipe quickstart --set problems.limit=5"
    )
    assert sql(home / "socli.db", "SELECT count(*) FROM traces WHERE verdict = 'kept'") == [(5,)]
    again = socli("annotate", "--recipe", "quickstart", "--limit", "5")
    assert again.code == 0
    assert sql(home / "socli.db", "SELECT count(*) FROM traces") == [(5,)]


def test_json_is_the_events_on_stderr(socli: Socli, by_heart: Path) -> None:
    done = socli("annotate", "--recipe", str(by_heart), "--json")
    events = [json.loads(line) for line in done.told]
    assert [event["event"] for event in events] == ["annotatebegan", *["traced"] * 4, "judged"]


def test_the_next_command_is_for_the_same_store_and_settings(
    socli: Socli, tmp_path: Path, by_heart: Path
) -> None:
    elsewhere = tmp_path / "else where" / "x.db"
    done = socli("annotate", "-r", str(by_heart), "--set", "train.epochs=1", "--store", str(elsewhere))
    assert done.told[-1].endswith(
        f"next: socli distill --recipe {by_heart} --set train.epochs=1 --store '{elsewhere}'"
    )
    assert sql(elsewhere, "SELECT count(*) FROM traces") == [(4,)]


def test_a_model_is_asked_and_only_once(
    socli: Socli, home: Path, by_heart: Path, teacher: ScriptedApi
) -> None:
    asked = ["--recipe", str(by_heart), "--teacher", "big", "--base-url", teacher.url]
    done = socli("annotate", *asked)
    assert done.code == 0
    assert len(teacher.asked) == 4
    assert sql(home / "socli.db", "SELECT teacher, verdict, count(*) FROM traces GROUP BY 1, 2") == [
        ("big", "kept", 4)
    ]
    again = socli("annotate", *asked)
    assert again.code == 0
    assert again.told[0] == "annotating 4 problems with big, 4 done before"
    assert len(teacher.asked) == 4
    assert "sk-canary" not in done.err + again.err + "".join(dump(home / "socli.db"))


def test_when_nothing_is_kept_it_is_said_where_the_reasons_are(
    socli: Socli, tmp_path: Path, llama: Path
) -> None:
    bare = jsonl(tmp_path / "bare.jsonl", [{"question": "1+1?", "answer": "2"}])
    done = socli("annotate", "--recipe", str(recipe(tmp_path, "bare", bare, llama)))
    assert done.code == 1
    assert done.told[-2:] == [
        "error: no trace was kept",
        "hint: `socli traces list --verdict refused` says why each was refused",
    ]
    assert socli("traces", "list", "--verdict", "refused").lines[0].endswith("refused\tit has no steps")


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ('{"question": "1+1?", "answer": "2"}\n{"question"', "line 2 is not JSON: "),
        ('{"answer": "2"}', "line 1 has no question: `question` is missing or empty"),
        ('{"question": "1+1?", "answer": "a lot"}', "line 1: the answer `a lot` cannot be read as a number"),
    ],
)
def test_bad_rows_are_refused_at_import_and_the_store_is_untouched(
    rows: str, error: str, socli: Socli, tmp_path: Path, trained: Path, llama: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text(rows)
    before = dump(trained)
    done = socli("annotate", "--recipe", str(recipe(tmp_path, "bad", tmp_path / "bad.jsonl", llama)))
    assert (done.code, done.out) == (2, "")
    assert error in done.told[0]
    assert done.told[1].startswith("hint: ")
    assert dump(trained) == before


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--recipe", "quickstrat"], 2, "there is no recipe 'quickstrat'"),
        (["--recipe", "gsm8k"], 3, "gsm8k:train is not on this machine: "),
        (["--set", "problems.limit=0"], 2, "quickstart.toml: `problems.limit`: "),
        (["--teacher", "big"], 3, "the environment variable OPENAI_API_KEY holds no API key"),
    ],
)
def test_bad_input_is_a_sentence_and_a_hint(words: list[str], code: int, error: str, socli: Socli) -> None:
    done = socli("annotate", "--limit", "2", *words) if "--set" not in words else socli("annotate", *words)
    said = [line for line in done.told if line.startswith(("error: ", "hint: "))]
    assert done.code == code
    assert said[0].startswith(f"error: {error}")
    assert all(line.startswith("hint: ") for line in said[1:])


@pytest.mark.parametrize("times", [1, 2])
def test_t18_ctrl_c_once_waits_for_what_is_under_way_and_twice_stops_at_once(
    times: int,
    start: Callable[..., Process],
    socli: Socli,
    home: Path,
    by_heart: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    third, go_on = threading.Event(), threading.Event()

    def slowly(request: Any) -> Any:
        if PROBLEMS[2].question in request.get_data(as_text=True) and not go_on.is_set():
            third.set()
            go_on.wait(60)
        return teacher._answer(request)

    teacher = ScriptedApi(HTTPServer(), {part: [completion(text)] for part, text in GOOD.items()})
    httpserver.expect_request("/v1/chat/completions", method="POST").respond_with_handler(slowly)
    one_by_one = ["--set", "teacher.concurrency=1", "--base-url", httpserver.url_for("/v1")]
    command = ["annotate", "--recipe", str(by_heart), "--teacher", "big", *one_by_one]
    process = start(*command)
    assert third.wait(60)
    process.send(signal.SIGINT)
    if times == 2:
        time.sleep(0.5)  # two signals at once would be one
        process.send(signal.SIGINT)
    else:
        go_on.set()
    done = process.end()
    go_on.set()
    stored = 4 - times
    assert done.code == 130
    assert done.told[-1] == ("stopped; what was done so far is kept, and the same command goes on from there")
    assert "Traceback" not in done.err
    assert sql(home / "socli.db", "SELECT count(*) FROM traces") == [(stored,)]
    again = socli(*command)
    assert (again.code, again.told[0]) == (0, f"annotating 4 problems with big, {stored} done before")
    assert sql(home / "socli.db", "SELECT verdict, count(*) FROM traces GROUP BY 1") == [("kept", 4)]


PRICED = ["--set", "teacher.price_in=1000", "--set", "teacher.price_out=1000"]


def test_a_dry_run_needs_no_key_and_asks_nothing(socli: Socli, by_heart: Path) -> None:
    done = socli("annotate", "-r", str(by_heart), "--teacher", "gpt-4o-mini", "--dry-run")
    assert done.code == 0
    assert done.lines[0] == "[system]"
    assert done.lines[-2:] == ["[user]", f"Problem: {PROBLEMS[0].question}"]
    assert done.told == [
        "model gpt-4o-mini, seed 0, max_completion_tokens 1024, temperature 0.0, top_p 1.0,"
        " response_format json_schema",
        "requests to make: 4; nothing was asked",
    ]


def test_a_probe_says_what_all_would_take_and_stops(
    socli: Socli, home: Path, by_heart: Path, teacher: ScriptedApi
) -> None:
    asked = ["-r", str(by_heart), "--teacher", "big", "--base-url", teacher.url, *PRICED]
    done = socli("annotate", *asked, "--probe", "2")
    assert done.code == 0
    assert len(teacher.asked) == 2
    assert done.told[-2] == (
        "spent $0.0360: 22 tokens read and 14 written in 2 replies, at the prices of the recipe"
    )
    assert done.told[-1].startswith("4 requests: $0.0720 ($0.0720 to $0.0720), 72 (72 to 72) tokens, ")
    socli("annotate", *asked)
    assert len(teacher.asked) == 4


def test_a_budget_ends_it_with_exit_code_75(
    socli: Socli, home: Path, by_heart: Path, teacher: ScriptedApi
) -> None:
    """A call may cost $1.024 and costs $0.007: beside two that were made, a third may be too much."""
    asked = ["-r", str(by_heart), "--teacher", "big", "--base-url", teacher.url]
    asked += ["--set", "teacher.price_in=0", "--set", "teacher.price_out=1000"]
    done = socli("annotate", *asked, "--budget", "1.035")
    assert done.code == 75
    assert "error: the budget of $1.03 is spent: another call may cost more than the $1.02 left" in done.told
    assert "hint: all replies are kept; the same command goes on, with a budget of its own" in done.told
    assert sql(home / "socli.db", "SELECT count(*) FROM traces") == [(2,)]
    assert len(teacher.asked) == 2
    assert socli("annotate", *asked).code == 0
    assert len(teacher.asked) == 4


def test_a_budget_for_an_unknown_price_is_refused(socli: Socli, by_heart: Path, teacher: ScriptedApi) -> None:
    asked = ["-r", str(by_heart), "--teacher", "big", "--base-url", teacher.url, "--budget", "1"]
    done = socli("annotate", *asked)
    assert done.code == 2
    assert done.told[0] == "error: a budget in dollars needs a price, and that of big is not known"
    assert teacher.asked == []


def test_t14_annotate_and_bench_on_one_store_both_finish(
    start: Callable[..., Process], trained: Path, four: Path, tmp_path: Path, llama: Path
) -> None:
    rows = [{"question": f"What is {n} and 1?", "answer": str(n + 1)} for n in range(300)]
    many = jsonl(tmp_path / "sums.jsonl", rows)
    file = recipe(tmp_path, "sums", many, llama, scheme={"name": "answer"})

    def right(problem: str, _: int) -> tuple[str, Any]:
        return "reply", completion(f"#### {int(problem.split()[3]) + 1}")

    with FaultServer(right, latency=0.01) as server:
        asks = start("annotate", "-r", str(file), "--teacher", "m", "--base-url", server.url)
        scores = start("bench", str(four), "--limit", "4")
        assert [scores.end().code, asks.end().code] == [0, 0]
    assert sql(trained, "SELECT count(*) FROM traces WHERE teacher = 'm' AND verdict = 'kept'") == [(300,)]
    assert sql(trained, "SELECT count(*) FROM predictions") == [(4,)]


def test_reuse_uses_what_another_model_wrote_here_and_in_the_next_command(
    socli: Socli, home: Path, by_heart: Path, teacher: ScriptedApi
) -> None:
    asked = ["-r", str(by_heart), "--base-url", teacher.url]
    assert socli("annotate", *asked, "--teacher", "big").code == 0
    anew = socli("annotate", *asked, "--teacher", "bigger", "--dry-run")
    assert anew.told[-1] == "requests to make: 4; nothing was asked"
    again = socli("annotate", *asked, "--teacher", "bigger", "--reuse")
    assert again.code == 0
    assert len(teacher.asked) == 4
    assert again.told[-1] == (
        f"kept 0 now, 4 in all; next: socli distill --recipe {by_heart} --set teacher.model=bigger "
        f"--set teacher.base_url={teacher.url} --set teacher.reuse=true"
    )
    out = home / "out.jsonl"
    done = socli("traces", "export", str(out), "-r", str(by_heart), "--set", "teacher.reuse=true",
                 "--set", "teacher.model=bigger")  # fmt: skip
    assert (done.code, len(out.read_text().splitlines())) == (0, 4)


def test_a_stronger_teacher_is_asked_for_the_rest_and_both_are_paid_for(
    socli: Socli, home: Path, by_heart: Path, teacher: ScriptedApi
) -> None:
    teacher._replies[PROBLEMS[1].question] = [completion("#### 1"), completion(GOOD[PROBLEMS[1].question])]
    asked = ["-r", str(by_heart), "--teacher", "small", "--base-url", teacher.url, *PRICED]
    stronger = [f"teacher.stronger.{key}" for key in ("model=big", "price_in=2000", "price_out=2000")]
    done = socli("annotate", *asked, *(word for one in stronger for word in ("--set", one)), "--budget", "99")
    assert done.code == 0
    assert sql(home / "socli.db", "SELECT teacher, verdict, count(*) FROM traces GROUP BY 1, 2") == [
        ("big", "kept", 1), ("small", "kept", 3), ("small", "refused", 1),
    ]  # fmt: skip
    assert done.told[-3:-1] == [
        "spent $0.0720: 44 tokens read and 28 written in 4 replies, at the prices of the recipe",
        "big: spent $0.0360: 11 tokens read and 7 written in 1 replies, at the prices of the recipe",
    ]
    assert done.told[-1].startswith("kept 4 now, 4 in all; next: socli distill")
