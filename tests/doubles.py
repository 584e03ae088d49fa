"""Stand-ins that can be seen: nothing in this suite is patched."""

import io

from rich.console import Console, RenderableType


class _File(io.StringIO):
    """A file that says which encoding it has."""

    encoding = "utf-8"

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self.encoding = encoding


def draw(renderable: RenderableType, width: int = 60, encoding: str = "utf-8") -> str:
    """What a renderable looks like on paper: no colour, no blanks at the ends of lines."""
    out = _File(encoding)
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(renderable)
    return "".join(f"{row.rstrip()}\n" for row in out.getvalue().splitlines())
