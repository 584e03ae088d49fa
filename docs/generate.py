"""What cog writes into README.md and docs/reference: functions that give Markdown.

`make docs` writes it, tests/test_docs.py compares. All of it is read off the code and docs/experiments.md;
none of it depends on the machine, the terminal or the environment.
"""

import ast
import dataclasses
import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from socli import errors, events, problem, scheme
from socli import recipe as recipes
from socli.store import migrations

WIDTH = 80
"""Columns of the printed help, whatever the terminal."""
ROOT = Path(__file__).parent.parent
UNMEASURED = "not measured yet"
OF_ARMS = "[of each arm](docs/concepts/does-asking-help.md)"

TOLD_BY: dict[str, tuple[type, ...]] = {
    "any workflow": (events.Noted,),
    "annotate": (events.AnnotateBegan, events.Traced, events.Refused, events.Judged),
    "distill": (
        events.DistillBegan,
        events.Trained,
        events.Evaluated,
        events.Checkpointed,
        events.Saved,
    ),
    "solve": (events.Opened, events.Wrote, events.Solved),
    "bench": (events.BenchBegan, events.Scored, events.Tallied),
}
VALUES = (
    problem.Problem,
    problem.Step,
    problem.Trace,
    problem.Prediction,
    problem.ByLength,
    problem.Scorecard,
)


# commands


def walk() -> Iterator[tuple[Any, Any]]:
    """Every command with a context to print its help in; a group stands before its subcommands."""
    from typer.main import get_command

    from socli.cli import app

    def down(name: str, command: Any, parent: Any) -> Iterator[tuple[Any, Any]]:
        command.rich_markup_mode = None  # panels change with the terminal and the environment
        settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
        context = command.context_class(command, info_name=name, parent=parent, **settings)
        yield command, context
        for word, inner in getattr(command, "commands", {}).items():
            yield from down(word, inner, context)

    yield from down("socli", get_command(app), None)


def commands() -> str:
    """The help of socli, of each command and of each subcommand, as `--help` prints it without panels."""
    return "\n\n".join(
        f"## `{context.command_path}`\n\n```text\n{_stripped(command.get_help(context))}\n```"
        for command, context in walk()
    )


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


# recipes


def recipe_keys() -> str:
    """Every table and key of a recipe with its type, its default and the string under its field."""
    schema = recipes.Recipe.model_json_schema()
    refs = {
        key: (f"[{key}]", field["$ref"])
        if "$ref" in field
        else (f"[{key}.NAME]", field["additionalProperties"]["$ref"])
        for key, field in schema["properties"].items()
        if "$ref" in field or "additionalProperties" in field
    }
    own = {key: field for key, field in schema["properties"].items() if key not in refs}
    parts = ["## Before the first table\n\n" + _keys(own, schema)]
    for heading, ref in refs.values():
        table = schema["$defs"][ref.rpartition("/")[2]]
        parts += _table_keys(heading, table, schema)
    return "\n\n".join(parts)


def _table_keys(name: str, table: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """A table with its keys, then the tables inside it."""
    inside = {
        key: schema["$defs"][kind["$ref"].rpartition("/")[2]]
        for key, field in table["properties"].items()
        for kind in field.get("anyOf", ())
        if "$ref" in kind
    }
    own = {key: field for key, field in table["properties"].items() if key not in inside}
    yield f"## `[{name}]`\n\n{table['description']}\n\n{_keys(own, table)}"
    for key, inner in inside.items():
        yield from _table_keys(f"{name}.{key}", inner, schema)


def _keys(fields: dict[str, Any], table: dict[str, Any]) -> str:
    required = table.get("required", ())
    return _table(
        ("key", "type", "default", "meaning"),
        (
            (
                f"`{key}`",
                _toml_type(field),
                _default(key, field, required),
                " ".join(field["description"].split()),
            )
            for key, field in fields.items()
        ),
    )


def _toml_type(field: dict[str, Any]) -> str:
    """The type as one writes it in TOML, with its bounds."""
    if "$ref" in field:
        return "table"
    field = field | next((kind for kind in field.get("anyOf", ()) if kind["type"] != "null"), {})
    if "enum" in field:
        return _either(field["enum"])
    name = "true or false" if field["type"] == "boolean" else field["type"]
    if name == "array":
        inner = [one["type"] for one in field.get("prefixItems", ())]
        name = f"array of {len(inner)} {inner[0]}s" if inner else f"array of {field['items']['type']}s"
    said = (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"))
    return ", ".join([name, *(f"{words} {field[bound]}" for bound, words in said if bound in field)])


def _default(key: str, field: dict[str, Any], required: Iterable[str]) -> str:
    if key in required:
        return "required"
    if "$ref" in field:
        return f"`[{key}]`"
    return "not set" if field["default"] is None else f"`{json.dumps(field['default'])}`"


def recipe_table() -> str:
    """The recipes that ship, and what docs/experiments.md has measured of them."""
    measured = scores()
    rows = []
    for name, path in recipes.shipped().items():
        one = recipes.load(name)
        how, score = scheme.described(one.to_scheme()), measured.get(name, UNMEASURED)
        if one.arms:
            there = any((ROOT / "docs" / "experiments").glob(f"{name}-*.json"))
            how, score = f"{len(one.arms)} arms", OF_ARMS if there else UNMEASURED
        rows.append((f"[`{name}`](recipes/{path.name})", one.about, how, f"`{one.student.base}`", score))
    return _table(("recipe", "what it is", "scheme", "student", "right answers"), rows)


def scores() -> dict[str, str]:
    """Recipe to its measured score, from the table under "Recipes as they ship" in docs/experiments.md."""
    text = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    section = text.partition("## Recipes as they ship")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines()]
    found = {}
    for name, where, problems, accuracy, interval, calculator, *_ in (row for row in rows if len(row) >= 6):
        if not accuracy.endswith("%"):
            continue
        found[name.strip("`")] = f"{accuracy} ({interval}) of {problems} {where}, calculator {calculator}"
    return found


# the store


def store_schema() -> str:
    """The SQL of a new store."""
    return f"```sql\n{migrations.schema().rstrip()}\n```"


# events


def event_kinds() -> str:
    """Every event of each workflow, then the values inside them, key by key."""
    untold = set(get_args(events.Event)) - {kind for kinds in TOLD_BY.values() for kind in kinds}
    if untold:
        raise LookupError(f"docs/generate.py does not say which workflow tells {untold}")
    parts = []
    for workflow, kinds in TOLD_BY.items():
        parts.append(f"## Told by {workflow if workflow.startswith('any') else f'`{workflow}`'}")
        parts += [_shape(kind, kind.__name__.lower()) for kind in kinds]
    parts.append("## Values inside events")
    parts += [_shape(kind, kind.__name__) for kind in VALUES]
    return "\n\n".join(parts)


def _shape(kind: type, heading: str) -> str:
    """A dataclass as a heading, its docstring and a table of its keys."""
    said, hints = _under_fields(kind), get_type_hints(kind)
    rows = [
        (f"`{f.name}`", _json_type(hints[f.name]), said.get(f.name, "")) for f in dataclasses.fields(kind)
    ]
    columns = 3 if said else 2
    keys = _table(("key", "type", "meaning")[:columns], (row[:columns] for row in rows))
    return f"### `{heading}`\n\n{inspect.cleandoc(kind.__doc__ or '')}\n\n{keys}"


def _under_fields(kind: type) -> dict[str, str]:
    """The string under each field of a class that has one."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    said: dict[str, str] = {}
    for field, after in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
            said[ast.unparse(field.target)] = " ".join(ast.literal_eval(after.value).split())
    return said


def _json_type(kind: Any) -> str:
    """What stands in the JSON for a field of that type."""
    plain = {str: "string", int: "integer", float: "number", bool: "true or false", type(None): "null"}
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return f"[`{kind.__name__}`](#{kind.__name__.lower()})"
    if get_origin(kind) is Literal:
        return _either(get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_json_type(part) for part in get_args(kind))
    if get_origin(kind) is Mapping:
        return f"object of {_json_type(get_args(kind)[1])}s"
    if get_origin(kind) is tuple:
        return f"array of {_json_type(get_args(kind)[0])}"
    raise TypeError(f"docs/generate.py has no words for {kind}")


# exit codes


def exit_codes() -> str:
    """The codes, from the docstring of `socli.errors`; each is checked against its class."""
    rows = [("0", "", "done; also where the reader of a pipe had enough")]
    for name, code, meaning in re.findall(r"(\w+Error)\s+(\d+)\s+(.+)", errors.__doc__ or ""):
        if getattr(errors, name).exit_code != int(code):
            raise ValueError(f"socli/errors.py says {code} of {name} and means another code")
        rows.append((code, f"`{name}`", meaning))
    stopped = [("130", "", "stopped with Ctrl-C"), ("143", "", "stopped with SIGTERM")]
    return _table(("code", "error", "meaning"), [*rows, *stopped])


# the code


def code_map() -> str:
    """Every module below `socli/` with the first sentence of its docstring."""
    source = ROOT / "socli"
    rows = []
    for path in sorted(source.rglob("*.py"), key=lambda path: (path.parent, path.stem != "__init__", path)):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = (ast.get_docstring(tree) or "").partition("\n\n")[0].replace("\n", " ")
        rows.append((f"`{path.relative_to(source)}`", told))
    return _table(("module", "what it is"), rows)


def _either(words: Iterable[str]) -> str:
    """`"a"`, `"b"` or `"c"`."""
    *first, last = (f'`"{word}"`' for word in words)
    return f"{', '.join(first)} or {last}" if first else last


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
