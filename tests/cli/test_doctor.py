"""`socli doctor`: what this machine has, whatever state it is in."""

from pathlib import Path

import pytest
from command_line import Socli
from doubles import ScriptedApi
from pytest_httpserver import HTTPServer


def test_a_fresh_machine_is_described(socli: Socli, home: Path) -> None:
    (facts,) = socli("doctor", "--json").rows
    assert facts["models"] == "none fetched yet"
    assert facts["data"] == "SOCLI_DATA is not set"
    assert facts["store"] == f"{home / 'socli.db'}, not made yet"
    assert {"socli", "python", "torch", "transformers", "device", "memory", "home"} <= facts.keys()
    lines = socli("doctor").lines
    assert f"python\t{facts['python']}" in lines
    assert not (home / "socli.db").exists()


def test_a_store_is_counted_and_checked(socli: Socli, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCLI_DATA", "/nowhere")
    (facts,) = socli("doctor", "--json").rows
    assert facts["store"] == f"{trained}, good, 4 problems, 4 kept traces, 1 runs"
    assert facts["data"] == "/nowhere (not there)"


def test_t15_a_store_that_is_none_is_a_sentence_among_the_others(socli: Socli, home: Path) -> None:
    home.mkdir()
    (home / "socli.db").write_text("no database at all " * 100)
    done = socli("doctor")
    assert done.code == 0
    assert f"store\t{home / 'socli.db'} is not a socli store" in done.lines


@pytest.mark.parametrize("teacher", ["here", "nobody", "no address"])
def test_the_teacher_is_asked_for_its_models_without_a_key(
    teacher: str, socli: Socli, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    api = ScriptedApi(httpserver, {})
    httpserver.expect_request("/v1/models").respond_with_json({"data": []})
    addresses = {"here": api.url, "nobody": "http://127.0.0.1:9/v1", "no address": "localhost:1"}
    said = {
        "here": "answers, HTTP 200",
        "nobody": "does not answer: ",
        "no address": "localhost:1 is no http address",
    }
    (facts,) = socli("doctor", "--base-url", addresses[teacher], "--json").rows
    assert facts["teacher"].startswith(said[teacher])
    assert all("canary" not in str(request.headers) for request, _ in httpserver.log)
