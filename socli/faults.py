"""What is wrong with a recipe, in sentences: the key by its whole name, and the nearest known one."""

import difflib
from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError

Table = type[BaseModel]
_UNSHOWN = ("teacher.base_url", "teacher.stronger.base_url", "teacher.stronger", "teacher")
"""Settings whose value may hold a password."""


def faults_of(
    error: ValidationError, root: Table, named: Mapping[str, Table]
) -> Iterator[tuple[str, str | None]]:
    """Each fault as a sentence and a hint. `named` are the keys of `root` below which any name is a table."""
    faults = error.errors()
    places = {fault["loc"] for fault in faults}
    for fault in faults:
        if fault["loc"][0] in named and fault["loc"][2:] in places:  # an arm's is the recipe's own
            continue
        path = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        if fault["type"] == "extra_forbidden":
            known = _keys_at(fault["loc"][:-1], root, named)
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
            yield f"there is no setting `{path}`", hint
        elif fault["type"] == "missing":
            yield f"`{path}` is missing", None
        else:
            message = fault["msg"].removeprefix("Value error, ")
            got = "" if path in _UNSHOWN else f" (got {str(fault['input'])[:60]!r})"
            yield f"`{path}`: {message[0].lower()}{message[1:]}{got}", None


def _keys_at(loc: tuple[int | str, ...], root: Table, named: Mapping[str, Table]) -> list[str]:
    """The keys of the table at a place; of the last table on the way there where it is none."""
    table = root
    for part in loc:
        field = table.model_fields.get(str(part))
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        kind = next((one for one in kinds if isinstance(one, type)), None)
        if table is root and str(part) in named:
            kind = named[str(part)]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            table = kind
    return list(table.model_fields)
