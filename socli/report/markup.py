"""HTML that cannot be broken into: whatever is not `Html` already is escaped when it becomes part of it."""

from collections.abc import Iterable
from html import escape

from socli.screen.render import safe

LONGEST = 4_000
"""Characters of one text that are shown."""


class Html(str):
    """Text that is HTML. Only this module makes it of plain text."""

    __slots__ = ()


Part = Html | str | None | Iterable["Part"]
"""What an element may hold; None is nothing."""

_VOID = frozenset({"br", "meta", "line", "circle", "rect", "polyline"})


def tag(name: str, /, *parts: Part, **attributes: str | float | bool | None) -> Html:
    """An element. In attributes `class_` is `class` and `_` is `-`; None and False are left out."""
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_attribute(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{said}>" if name in {"br", "meta"} else f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(parts)}</{name}>")


def joined(part: Part) -> Html:
    """Parts one after the other, what is no `Html` escaped."""
    if part is None:
        return Html("")
    if isinstance(part, Html):
        return part
    if isinstance(part, str):
        return plain(part)
    return Html("".join(joined(one) for one in part))


def plain(text: str) -> Html:
    """Untrusted text: no control character, nothing invisible, cut where it is very long, and no markup."""
    return Html(escape(safe(text, LONGEST).plain))


def _attribute(value: str | float) -> str:
    """Numbers short; text as in `plain`, for quotes are escaped too."""
    return plain(value) if isinstance(value, str) else f"{value:.5g}"
