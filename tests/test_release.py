"""A finished run leaves as plain transformers files with a card made from the store, and is read back."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from socli import __version__, scheme
from socli import recipe as recipes
from socli.engine import lora
from socli.engine import student as students
from socli.errors import MissingError, UsageError
from socli.problem import Problem, Scorecard
from socli.records import BenchRow, RunPlan, RunRow
from socli.release import folder as release
from socli.release.card import Released, card, licence_of
from socli.release.lineage import Origin, licence_texts, origins
from socli.store import Store
from socli.tables import frozen_scheme

GOLDEN = Path(__file__).parent / "data" / "release-card.md"
SPLIT = {"scheme": {"roles": "split", "guide": "count"}}
SMOL = Origin(
    "smollm2-135m",
    "Apache-2.0",
    "weights as published; from the Hub at revision 12fd25f7",
    "HuggingFaceTB/SmolLM2-135M-Instruct",
)
PROMPTS = [
    f"Problem: Nora packs {n} boxes of {n + 3} candles.\n" + "Ask: How many" * (n % 2) for n in range(50)
]


def begun(store: Store, base: str, tables: dict[str, Any] | None = None) -> RunRow:
    """A run as `distill` begins it."""
    tables = {"problems": {"train": "gsm8k:train"}, "student": {"base": base}, **(tables or {})}
    recipe = recipes.parse(tables, "here")
    return store.start_run(
        RunPlan(
            name="gsm8k",
            recipe={"name": "gsm8k", **json.loads(recipes.dump(recipe))},
            seed=recipe.train.seed,
            scheme=recipe.scheme.name,
            roles=recipe.scheme.roles,
            base=base,
            versions={"torch": "2.13.0", "socli-distill": "0.1.0"},
            note="7,000 traces",
        )
    )


def done(store: Store, source: Path, tables: dict[str, Any] | None = None) -> RunRow:
    """A run that is done and whose students are all that of the folder `source`."""
    run = begun(store, str(source), tables)
    for role in scheme.roles(frozen_scheme(run.recipe)):
        students.save(students.load(source, "x", "fp32", torch.device("cpu")), run.folder / role)
    return store.finish_run(run.id, "done")


def loaded(folder: Path) -> Any:
    """As anyone loads it."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


# ---- T26


@pytest.mark.filterwarnings("ignore")  # peft's own
@pytest.mark.parametrize("adapted", [False, pytest.param(True, marks=pytest.mark.skipif(
    not lora.installed(), reason="peft is not here"))])  # fmt: skip
@pytest.mark.parametrize("family", tiny.FAMILIES)
@torch.no_grad()
def test_t26_the_exported_safetensors_are_the_trained_student(
    store: Store, load_tiny: Callable[..., Any], tmp_path: Path, student_folders: dict[str, Path],
    family: str, adapted: bool,
) -> None:  # fmt: skip
    trained = load_tiny(family)
    generator = torch.Generator().manual_seed(3)
    if adapted:
        lora.adapt(trained.model, 4)
    for weight in trained.model.parameters():  # away from what bf16 can hold
        weight += 0.02 * torch.randn(weight.shape, generator=generator)
    run = begun(store, str(student_folders[family]))
    students.save(trained, run.folder / "student")
    out = release.save(store.finish_run(run.id, "done"), store, tmp_path / "out")

    model, tokenizer = loaded(out), AutoTokenizer.from_pretrained(out)
    kept, learnt = model.state_dict(), lora.merged(trained.model)
    assert kept.keys() == learnt.keys()
    for name, weight in learnt.items():
        assert torch.all((kept[name] - weight).abs() <= weight.abs() / 256 + 1e-30), name  # bf16's 8 bits
    same = 0
    for text in PROMPTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == students.tokens(trained, [text])[0]
        given = torch.tensor([ids])
        ours, theirs = trained.model(given).logits[0, -1], model(given).logits[0, -1]
        same += int(ours.argmax() == theirs.argmax())
    assert same >= 48


def test_t26_the_card_is_the_golden_one() -> None:
    golden = GOLDEN.read_text("utf-8").replace("with socli 0.1.0", f"with socli {__version__}")
    assert card(told()) == golden


def told(**changed: Any) -> Released:
    """What the golden card is made from."""
    recipe = recipes.parse({"problems": {"train": "gsm8k:train", "limit": 7000}, **SPLIT}, "here")
    run = RunRow(
        id="ab12cd34", name="gsm8k", recipe=json.loads(recipes.dump(recipe)), seed=2, scheme="socratic",
        roles="split", base="smollm2-135m", versions={"torch": "2.13.0", "socli-distill": "0.1.0"},
        note="7,000 traces", arm="guided", status="done", folder=Path("nowhere"),
        created="2026-11-23T07:21:15.961Z", finished="2026-11-23T09:00:00.000Z",
    )  # fmt: skip
    score = Scorecard("gsm8k:test", "ab12cd34", True, 200, 30, 0.15, 0.107, 0.206, 0.01, 0.02, 9000, 60.0)
    off = replace(score, calculator=False, correct=12, accuracy=0.06, low=0.0347, high=0.1019)
    plan = {"model": "ab12cd34", "set": "gsm8k:test", "settings": {"precision": "bf16"}, "run": "ab12cd34"}
    at = {"status": "done", "created": "2026-11-24T07:21:15.961Z", "finished": "2026-11-24T07:31:15.961Z"}
    benches = [
        BenchRow(**plan, **at, calculator=True, id="11111111", scorecard=score),
        BenchRow(**plan, **at, calculator=False, id="22222222", scorecard=off),
        BenchRow(**plan, **(at | {"status": "started"}), calculator=True, id="33333333", scorecard=None),
    ]
    line = {role: (SMOL,) for role in ("planner", "decomposer", "solver")}
    texts = {"LICENSE-smollm2-135m": Path("nowhere")}
    return replace(Released(run, "number", line, benches, texts), **changed)


# ---- the card


def test_a_card_says_what_its_scheme_does_and_no_more() -> None:
    for name, said in (("answer", "answers word problems without any steps"), ("cot", "in written steps")):
        run = told().run
        other = replace(run, recipe={**run.recipe, "scheme": {"name": name}}, arm=name, scheme=name)
        opening = card(told(run=other, origins={"student": (SMOL,)})).split("\n## ")[0]
        assert f"# `gsm8k`, arm `{name}`, run ab12cd34\n" in opening
        assert said in opening
        assert "by Socratic" not in opening


def test_a_card_says_how_the_other_seeds_did_and_that_only_the_first_problems_were_scored() -> None:
    first, second, _ = told().benches
    some = replace(first, settings={**first.settings, "limit": 200})
    assert first.scorecard
    score = replace(first.scorecard, accuracy=0.05)
    others = [replace(some, run=run, scorecard=score) for run in ("ab12cd35", "ab12cd36")]
    text = card(told(benches=[some, second], siblings=[*others, replace(others[0], calculator=False)]))
    assert "| gsm8k:test, the first 200 | 200 | 30 | 15.0 % |" in text
    lines = [line for line in text.splitlines() if "seeds of the same training" in line]
    assert lines == [
        "- gsm8k:test, calculator on: 3 seeds of the same training come to 8.3 % on average, 5.0 % to 15.0 %;"
        " this is one of them"
    ]
    assert "seeds of the same training" not in card(told())


def test_a_run_that_was_never_scored_is_not_measured() -> None:
    assert "## Results\n\nNot measured.\n" in card(told(benches=[]))


@pytest.mark.parametrize(
    ("licences", "said"),
    [(["Apache-2.0"], "apache-2.0"), (["MIT", "MIT"], "mit"), (["MIT", "Apache-2.0"], "other"),
     (["MIT", ""], "unknown"), ([""], "unknown")],
)  # fmt: skip
def test_the_licence_is_that_of_the_bases_where_they_agree(licences: list[str], said: str) -> None:
    lines = {role: [Origin("a", "", "s"), Origin("b", one, "s")]
             for role, one in zip(("solver", "decomposer"), licences, strict=False)}  # fmt: skip
    assert licence_of(lines) == said


def test_no_text_breaks_out_of_the_card() -> None:
    evil = 'x" \n---\n# head | `a` <img src=x>\x1b'
    origin = Origin(evil, evil, evil, evil)
    text = card(told(origins={"solver": (origin,)}, licences={evil: Path("x")}))
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line == "---"] == ["---", "---"]
    assert not [line for line in text.splitlines() if line.startswith("# head")]
    body = text.split("\n---\n", 1)[1]
    for line in body.splitlines():
        assert "<img" not in "".join(line.split("`")[::2])


def test_a_yes_no_student_is_shown_by_a_yes_no_problem() -> None:
    text = card(told(kind="yes/no"))
    assert "Facts: A flame needs oxygen." in text
    assert "####{+ no+}" in text


# ---- what it descends from


def test_a_base_that_was_fetched_says_where_from_and_brings_its_licence(home: Path) -> None:
    folder = home / "models" / "smollm2-135m-12fd25f7"
    folder.mkdir(parents=True)
    facts = {"name": "smollm2-135m", "upstream": SMOL.repo, "licence": "Apache-2.0", "revision": "12fd25f7"}
    (folder / "provenance.json").write_text(json.dumps(facts | {"weights": "as published"}))
    (folder / "LICENSE").write_text("terms")
    assert origins("smollm2-135m", []) == (SMOL,)
    assert licence_texts("smollm2-135m", []) == {"LICENSE-smollm2-135m": folder / "LICENSE"}


def test_a_base_that_is_not_here_says_so(home: Path) -> None:
    (known,) = origins("gpt2", [])
    assert (known.name, known.licence, known.repo) == ("gpt2", "MIT", "openai-community/gpt2")
    assert known.said.startswith("not on this machine now")
    assert origins("/nowhere/mine", [])[0].name == "mine"


def test_a_base_that_socli_trained_leads_to_what_that_was_trained_from(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    first = done(store, student_folders["llama"], {"problems": {"train": "stories:train"}})
    found = origins(str(first.folder / "student"), store.runs())
    assert [one.name for one in found] == [f"run {first.id}", "llama"]
    out = release.save(first, store, tmp_path / "out")
    again = origins(str(out), [])  # on another machine
    assert [(one.name, one.said) for one in again] == [(one.name, one.said) for one in found]
    assert "trained by socli on stories:train" in again[0].said


# ---- the folder


def test_several_students_have_a_folder_each(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    run = done(store, student_folders["gpt2"], SPLIT)
    out = release.save(run, store, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md", "decomposer", "planner", "socli.json", "solver",
    ]  # fmt: skip
    for role in ("decomposer", "planner", "solver"):
        assert loaded(out / role).config.model_type == "gpt2"
    back = release.read(out)
    assert frozen_scheme(back.recipe) == frozen_scheme(run.recipe)
    assert release.place_of(back.folder, "planner") == out / "planner"


def test_it_writes_greedily_to_its_end_token_and_has_no_chat_template(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    run = done(store, student_folders["llama"])
    student = run.folder / "student"
    (student / "chat_template.jinja").write_text("{{ messages }}")
    settings = json.loads((student / "tokenizer_config.json").read_text())
    (student / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": "x"}))
    out = release.save(run, store, tmp_path / "out")
    assert AutoTokenizer.from_pretrained(out).chat_template is None
    how = json.loads((out / "generation_config.json").read_text())
    assert how == {"do_sample": False, "max_new_tokens": 512, "eos_token_id": 0, "pad_token_id": 0}


def test_the_kind_of_the_answers_goes_with_it(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    store.add_problems("gsm8k:train", [Problem("Is ice cold?", "yes", "yes/no")])
    run = done(store, student_folders["llama"])
    assert release.kind_of(run, store) == "yes/no"
    with Store(tmp_path / "other.db") as other:
        assert release.kind_of(release.read(release.save(run, store, tmp_path / "out")), other) == "yes/no"


def test_the_name_changes_with_the_weights(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    out = release.save(done(store, student_folders["llama"]), store, tmp_path / "out")
    before = release.read(out).name
    assert before.startswith("out@")
    weights = bytearray((out / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (out / "model.safetensors").write_bytes(weights)
    assert release.read(out).name != before


def test_a_folder_in_use_a_file_and_an_unfinished_run_are_refused(
    store: Store, student_folders: dict[str, Path], tmp_path: Path
) -> None:
    run = done(store, student_folders["llama"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("mine")
    for there in (tmp_path / "mine", tmp_path / "mine" / "note"):
        with pytest.raises(UsageError, match="is there already and is not empty"):
            release.save(run, store, there)
    with pytest.raises(MissingError, match="is not finished"):
        release.save(begun(store, "gpt2"), store, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    release.save(run, store, tmp_path / "empty")
    shutil.rmtree(run.folder)
    with pytest.raises(MissingError, match=f"the weights of run {run.id} are not in"):
        release.save(run, store, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"version": 2}, "was written by a newer socli"), ({"extra": 1}, "there is no setting `extra`"),
     ({"kind": "poem"}, "`kind`: input should be"), ({"scheme": {"name": "x"}}, "`scheme.name`: input")],
)  # fmt: skip
def test_a_damaged_description_is_a_sentence(
    store: Store, student_folders: dict[str, Path], tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    out = release.save(done(store, student_folders["llama"]), store, tmp_path / "out")
    facts = json.loads((out / "socli.json").read_text())
    (out / "socli.json").write_text(json.dumps(facts | change))
    with pytest.raises(UsageError, match=sentence):
        release.read(out)
    (out / "socli.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        release.read(out)
    (out / "socli.json").unlink()
    with pytest.raises(UsageError, match=r"has no socli\.json"):
        release.read(out)
