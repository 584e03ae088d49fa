"""Which commit of a Hub repository is used, and that it stays the same."""

import json
import time
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from socli.errors import MissingError, StorageError
from socli.models import revisions

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "fedcba9876543210fedcba9876543210fedcba98"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a Hub that refuses the connection."""
    monkeypatch.setenv("SOCLI_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("SOCLI_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # put back at the end, since SOCLI_OFFLINE sets it
    return tmp_path


def hub(server: HTTPServer, monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server.url_for(""))
    for path in ("/api/models/owner/thing", "/api/datasets/owner/thing"):
        server.expect_request(path).respond_with_json({"id": "owner/thing", "sha": commit, "siblings": []})


def test_a_revision_pinned_in_the_catalogue_needs_no_network():
    assert revisions.pinned("openai-community/gpt2", "model") == "607a30d783dfa663caf39e06633721c8d4cfcd7e"
    assert revisions.pinned("openai/gsm8k", "dataset") == "cc7b047b6e5bb11b4f1af84efc572db110a51b3c"


def test_every_pin_of_the_catalogue_is_a_whole_commit_hash():
    pins = [k.revision for k in revisions.catalogue() if k.revision] + [*revisions.pinned_datasets().values()]
    assert len(pins) == 7
    assert all(len(pin) == 40 and set(pin) <= set("0123456789abcdef") for pin in pins)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_the_commit_found_first_is_recorded_and_kept(kind, httpserver, monkeypatch, folder):
    hub(httpserver, monkeypatch, COMMIT)
    assert revisions.known("owner/thing", kind) is None
    assert revisions.pinned("owner/thing", kind) == COMMIT
    assert json.loads((folder / "revisions.json").read_text()) == {kind: {"owner/thing": COMMIT}}

    httpserver.clear()
    hub(httpserver, monkeypatch, LATER)
    assert revisions.pinned("owner/thing", kind) == COMMIT
    assert httpserver.log == []
    assert [p.name for p in folder.glob("*.tmp-*")] == []


def test_a_model_and_a_data_set_of_one_name_are_two_things(httpserver, monkeypatch):
    hub(httpserver, monkeypatch, COMMIT)
    revisions.pinned("owner/thing", "model")
    assert revisions.known("owner/thing", "dataset") is None


def test_another_socli_that_recorded_first_wins(folder):
    (folder / "revisions.json").write_text(json.dumps({"model": {"owner/thing": COMMIT}}))
    assert revisions._record("owner/thing", "model", LATER) == COMMIT


def test_t24_no_network_is_one_sentence_and_nothing_is_recorded(folder):
    with pytest.raises(MissingError, match=r"^the Hub cannot be reached \(\w+\)$"):
        revisions.pinned("owner/thing", "model")
    assert not (folder / "revisions.json").exists()


def test_a_hub_that_does_not_answer_is_given_up_in_time(httpserver, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", httpserver.url_for(""))
    monkeypatch.setattr(revisions, "PATIENCE", 0.5)
    httpserver.expect_request("/api/models/owner/thing").respond_with_handler(lambda request: time.sleep(1.5))
    begun = time.monotonic()
    with pytest.raises(MissingError, match="cannot be reached"):
        revisions.pinned("owner/thing", "model")
    assert time.monotonic() - begun < 1.5


def test_offline_asks_nobody_and_tells_the_hubs_libraries(httpserver, monkeypatch):
    import os

    hub(httpserver, monkeypatch, COMMIT)
    monkeypatch.setenv("SOCLI_OFFLINE", "1")
    with pytest.raises(MissingError, match="SOCLI_OFFLINE is set"):
        revisions.pinned("owner/thing", "model")
    assert httpserver.log == []
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_offline_is_off_unless_said(value, monkeypatch):
    monkeypatch.setenv("SOCLI_OFFLINE", value)
    assert not revisions.offline()


def test_a_repository_that_is_not_there_is_named(httpserver, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", httpserver.url_for(""))
    httpserver.expect_request("/api/models/owner/nothing").respond_with_json(
        {"error": "Repository not found"}, status=404, headers={"X-Error-Code": "RepoNotFound"}
    )
    with pytest.raises(MissingError, match=r"the Hub has no model owner/nothing"):
        revisions.pinned("owner/nothing", "model")


@pytest.mark.parametrize("commit", [None, "main", "../../x", COMMIT[:8]])
def test_t20_a_commit_that_is_no_hash_is_refused(commit, httpserver, monkeypatch, folder):
    hub(httpserver, monkeypatch, commit)
    with pytest.raises(MissingError, match="was not asked for"):
        revisions.pinned("owner/thing", "model")
    assert not (folder / "revisions.json").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"model": []}', '{"model": {"owner/thing": "../../x"}}', '{"model": {"a/b": 7}}']
)
def test_a_damaged_record_is_reported_and_left_alone(text, folder):
    (folder / "revisions.json").write_text(text)
    with pytest.raises(StorageError, match="is damaged"):
        revisions.known("owner/thing", "model")
    assert (folder / "revisions.json").read_text() == text
