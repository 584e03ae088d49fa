"""The command that trains a run again, read off what is stored with it: `socli runs show`."""

import json
import re
from typing import TYPE_CHECKING

from socli.cli import wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from socli.records import RunRow


def repeating(row: "RunRow") -> str:
    """The command that trains this run again: its recipe with what was changed from the file."""
    from socli import recipe as recipes
    from socli.errors import SocliError

    name, arm = row.recipe_name, f" --arm {row.arm}" * bool(row.arm)
    size = [f"size={row.size}"] if row.size != "full" else []
    try:
        now = recipes.load(name, size)
        mine = next((alone for arm, alone in now.queue() if arm == row.arm), now)
    except SocliError as error:
        return f"{wiring.command('distill', recipe=name)}{arm} --again ({error})"
    several = {"train.seed": f"train.seeds=[{row.seed}]"} if now.train.seeds else {}
    shared, own = row.recipe.get("shared", {}), now.shared(mine)
    alone = mine.model_dump(mode="json")
    told = recipes.settled(row.recipe)
    tables = {table: settings for table, settings in told.items() if isinstance(settings, dict)}
    of_arm = [
        f"arms.{row.arm}.{table}.{key}={_as_toml(value)}"
        for table, settings in tables.items()
        for key, value in _flat(settings)
        if row.arm and (table == "scheme" or key in {**shared.get(table, {}), **own.get(table, {})})
        if value != dict(_flat(alone[table])).get(key)
    ]
    of_all = [
        several.get(f"{table}.{key}", f"{table}.{key}={_as_toml(value)}")
        for table, settings in tables.items()
        if not (row.arm and table == "scheme")
        for key, value in _flat(settings | _set(shared.get(table, {})))
        if value != dict(_flat(alone[table] | own.get(table, {}))).get(key) or f"{table}.{key}" in several
    ]
    return wiring.command("distill", recipe=name, overrides=[*size, *of_arm, *of_all]) + f"{arm} --again"


def _flat(settings: "Mapping[str, Any]") -> "Iterator[tuple[str, Any]]":
    """Keys and values of a table, those of a table inside it by their path; what is not set is left out."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", one) for inner, one in value.items() if one is not None)
        else:
            yield key, value


def _set(settings: "Mapping[str, Any]") -> "dict[str, Any]":
    return {key: value for key, value in settings.items() if value is not None}


def _as_toml(value: "Any") -> str:
    """A setting's value as `--set` reads it: words and paths bare, all else as JSON, which is TOML here."""
    bare = isinstance(value, str) and re.fullmatch(r"[A-Za-z_./~][\w./:~-]*", value)
    return value if bare and value not in ("true", "false", "inf", "nan") else json.dumps(value)
