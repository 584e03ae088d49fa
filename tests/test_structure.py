"""The shape of the source: layers, owners of libraries, sizes, what a light command loads."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import socli

ROOT = Path(socli.__file__).parent

LAYERS = """
    errors problem events records home
    arithmetic answer scheme writers.guards writers.pieces check augment.tracing augment.drawing augment
    overlap prompts faults tables recipe
    scoring.stats scoring.questions scoring.extract
    models.catalogue models.safety models.revisions models.convert models.fetch models
    stories known_sets sources
    store.sqlitefile store.migrations store.runbook store exports
    release.lineage release.card release.folder release
    teacher.cached teacher.ladder teacher teacher.replies teacher.limits teacher.money teacher.faults
    teacher.api
    engine.attention engine.lora engine.student engine.packed engine.batches engine.memory engine.average
    engine.weights engine.checkpoint engine.ranks engine.team engine.limit engine.decode engine.verify
    engine.training engine
    annotate solve writers.voting writers.served writers.chatting writers.swapping writers.parts writers
    writers.verifier solvers rehearsal sampling planning distill
    scoring.outputs scoring.score scoring.compare scoring.noise scoring.samples scoring bench
    screen.scene screen.render screen.progress screen.live screen
    report report.gather report.markup report.figures report.text report.results report.experiment
    report.contest report.paper report.plots report.page
    cli __main__
""".split()  # noqa: SIM905  a picture
"""Values, rules, edges (students on disk; problems; the store; teachers; torch), workflows, judging, screen,
reports, commands. A module imports only what stands before it; a package without dots here is one entry."""

SCREEN = {"screen.scene", "screen.render", "screen.progress", "screen.live", "screen"}
SHOWS = {"errors", "problem", "events", "records", "arithmetic", "answer", "scheme", "check"} | SCREEN
"""What the screen may know: values and pure rules; no store, no model, no workflow."""

OWNERS = {
    "typer": {"cli"},
    "rich": {"screen.render", "screen.progress", "screen.live", "cli"},
    "pydantic": {"faults", "tables", "recipe", "release.folder"},
    "platformdirs": {"home"},
    "filelock": {"distill", "models", "models.revisions"},
    "sqlite3": {"store.sqlitefile", "store.migrations", "store.runbook", "store"},
    "sqlite_utils": {"store.migrations"},
    "huggingface_hub": {"models.fetch", "models.revisions"},
    "datasets": {"known_sets"},
    "math_verify": {"scoring.extract"},
    "numpy": {"scoring.stats"},
    "scipy": {"scoring.stats"},
    "sacrebleu": {"scoring.questions"},
    "diskcache": {"teacher.cached"},
    "openai": {"teacher.api", "teacher.faults", "writers.served"},
    "httpx2": {"teacher.api"},
    "safetensors": {"engine.checkpoint"},
    "tokenizers": {"engine.decode"},
    "peft": {"engine.lora"},
    "transformers": {"engine.attention", "models.convert", "engine.student"},
    "torch": {
        *(
            f"engine.{name}"
            for name in [
                "attention",
                "average",
                "batches",
                "checkpoint",
                "decode",
                "limit",
                "lora",
                "memory",
                "packed",
                "ranks",
                "student",
                "team",
                "verify",
            ]
        ),
        *("engine.training", "engine.weights"),
        *("models.convert", "cli"),
    },
}
"""Which modules import an outside library, anywhere in them."""

HEAVY = ["torch", "transformers", "tokenizers", "datasets", "openai", "pandas", "numpy", "pyarrow", "scipy",
         "sqlite_utils", "peft", "pydantic", "huggingface_hub", "aiohttp", "filelock",
         "diskcache"]  # fmt: skip

MODULES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def unit(path: Path) -> str:
    """The entry of LAYERS a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return entry(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def entry(parts: Sequence[str]) -> str:
    """The entry of LAYERS a name below `socli` belongs to: a module of a package, else the package itself."""
    both = ".".join(parts[:2])
    return both if both in LAYERS else parts[0]


def imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, inside functions and for type checking too."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path: Path) -> set[str]:
    """The units of socli a file imports, its own aside."""
    parts = [name.split(".") for name in imported(path)]
    found = {entry(part[1:]) for part in parts if part[0] == "socli" and len(part) > 1}
    return (found & set(LAYERS)) - {unit(path)}


def python(code: str, **env: str) -> str:
    """What a fresh interpreter prints."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"} | env
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stdout


# ---- layers


def test_every_module_has_its_place_in_the_layers():
    assert {unit(path) for path in MODULES} - {"__init__"} - set(LAYERS) == set()
    assert len(LAYERS) == len(set(LAYERS))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_before_it(path):
    if unit(path) == "__init__":
        assert own(path) == set()
    else:
        before = LAYERS[: LAYERS.index(unit(path))]
        assert own(path) - set(before) == set()


def test_the_screen_knows_values_and_rules_alone():
    for path in MODULES:
        if unit(path) in SCREEN:
            assert own(path) <= SHOWS, path.name


def test_an_outside_library_has_its_owners():
    ours = (sys.stdlib_module_names - {"sqlite3"}) | {"socli"}
    for path in MODULES:
        outside = {name.split(".")[0] for name in imported(path)} - ours
        foreign = {name for name in outside if unit(path) not in OWNERS.get(name, ())}
        assert foreign == set(), path.name


# ---- sizes


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_short_and_said(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert ast.get_docstring(TREES[path]), f"{path.name} does not say what it is"
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 50, f"{path.name}: {node.name} is long"


def test_names_say_what_a_thing_is():
    for path in MODULES:
        assert path.stem not in {"utils", "helpers", "common", "misc"}
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith(("Manager", "Handler", "Helper")), f"{path.name}: {node.name}"
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert not node.name.startswith(("get_", "process_")), f"{path.name}: {node.name}"


# ---- what must not be there


def test_t10_t22_nothing_evaluates_text_or_unpickles():
    for path in MODULES:
        assert not {name.split(".")[0] for name in imported(path)} & {"pickle", "dill", "joblib", "shelve"}
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "compile", "__import__", "torch.load", "torch.save"}, (
                    path
                )


def test_no_remote_code_and_no_weights_but_safetensors():
    for path in MODULES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".from_pretrained"):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if "gguf_file" in given:  # no code and no pickle in it; its hash was checked
                    continue
                assert (given["trust_remote_code"], given["local_files_only"]) == ("False", "True"), path.name
                assert "Model" not in ast.unparse(node.func) or given["use_safetensors"] == "True", path.name


def test_nothing_in_the_tree_names_a_machine():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert not any(place in text for place in ("/work/", "/root/", "/home/")), path.name


# ---- what a light command loads


def test_help_loads_nothing_heavy():
    code = f"""
import sys
from socli.cli import main
sys.argv = ["socli", "--help"]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules])
"""
    assert python(code).splitlines()[-1] == "HEAVY []"


def test_values_rules_and_workflows_without_a_model_load_no_torch():
    light = "errors problem events records home arithmetic answer scheme prompts recipe stories sources"
    more = "store teacher annotate solve bench scoring.stats screen.scene screen.render screen.live"
    modules = [*light.split(), *more.split()]
    code = f"import sys, {', '.join(f'socli.{name}' for name in modules)}; print('torch' in sys.modules)"
    assert python(code) == "False\n"


def test_idle_threads_do_not_spin_and_a_wish_of_the_user_counts():
    """The policy is read when torch is loaded, so it must be set before any module can load it."""
    code = "import sys, socli, os; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    assert python(code) == "PASSIVE False\n"
    assert python(code, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE False\n"
