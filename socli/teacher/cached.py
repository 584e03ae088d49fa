"""Replies as a server sent them, from the moment they came, in a folder that may be deleted at any time.

Owner of diskcache. The store remembers what was judged; this only bridges the moment between, so that a reply
which was paid for and not yet stored when all was killed is not paid for again, and what was learnt of a
server. Values are text and nothing else: a file of this cache cannot make diskcache unpickle, read or remove
anything (its advisory CVE-2025-69872 is not fixed, and its JSONDisk does not help). Any fault is a miss.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from socli.problem import digest

LARGEST = 2**28
"""Bytes of the whole cache; what was stored first goes first."""
LONGEST = 1_000_000
"""Letters of one value."""


class Cache:
    """Text by key, on disk."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        """Sentences for the user, to be shown once and cleared by whoever shows them."""
        self.found = 0
        """Replies that came from here."""
        self.folder = folder
        self._file: Any = None
        try:
            self._file = _opened(folder)
        except Exception:  # noqa: BLE001  whatever is wrong with it, it is only a cache
            self._rebuild()

    def get(self, key: str) -> str | None:
        """The text of a key; None where there is none."""
        if self._file is None:
            return None
        try:
            value = self._file.get(key)
        except Exception:  # noqa: BLE001
            self._rebuild()
            return None
        return value if isinstance(value, str) else None

    def put(self, key: str, text: str, days: float | None = None) -> None:
        """Remember a text, for so many days or as long as there is room."""
        if self._file is None or len(text) > LONGEST:
            return
        try:
            self._file.set(key, text, expire=None if days is None else days * 86_400)
        except Exception:  # noqa: BLE001
            self._give_up()

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            with suppress(Exception):
                self._file.close()

    def _rebuild(self) -> None:
        """Begin anew; without a cache where that fails too."""
        self.close()
        try:
            for file in self.folder.glob("cache.db*"):  # nothing else here is ours to remove
                file.unlink()
            self._file = _opened(self.folder)
        except Exception:  # noqa: BLE001
            self._give_up()
        else:
            self.notes.append(f"the cache of replies in {self.folder} was damaged and is begun anew")

    def _give_up(self) -> None:
        self.close()
        self._file = None
        self.notes.append(f"the cache of replies in {self.folder} cannot be used: the store goes without it")


def key(address: str | None, request: str, sample: int) -> str:
    """What a reply is found by: everything that was sent, where to, and which time it was."""
    return digest("reply", address or "", request, str(sample))


def _opened(folder: Path) -> Any:
    import diskcache

    class TextAlone(diskcache.Disk):  # type: ignore[misc]
        """Keys and values are text inside the database; there are no files, and nothing is unpickled."""

        def put(self, key: Any) -> tuple[str, bool]:
            return _text(key), True

        def get(self, key: Any, raw: Any) -> str:
            return _text(key if raw else None)

        def store(self, value: Any, *_: Any, **__: Any) -> tuple[int, int, None, str]:
            return 0, diskcache.core.MODE_RAW, None, _text(value)

        def fetch(self, mode: int, filename: str | None, value: Any, *_: Any) -> str:
            return _text(value if mode == diskcache.core.MODE_RAW and filename is None else None)

        def remove(self, file_path: str) -> None:
            """There is none of ours, so it is someone else's."""

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return diskcache.Cache(
        str(folder), timeout=1, disk=TextAlone, size_limit=LARGEST, disk_min_file_size=LONGEST + 1
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value
