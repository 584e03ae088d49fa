"""What can go wrong, said in a sentence, with a hint and an exit code.

    SocliError          1   finished, but more failed than was allowed
    ├── UsageError      2   an argument, a file's content or a set's name is wrong
    │   └── RecipeError 2   a recipe is wrong: file, key and hint
    ├── MissingError    3   a model, run, file or trace that is needed is not there
    ├── GateError       4   a gate did not hold
    ├── StorageError   74   reading or writing failed: disk, permission, a damaged store
    └── TryAgainError  75   stopped, resumable: the same command goes on

Raise where it is known, catch once, in `socli.cli`.
"""


class SocliError(Exception):
    """A sentence for the user and, where there is one, a hint."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SocliError):
    """What was typed or given cannot be used."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe that cannot be used, with the key that is wrong."""


class MissingError(SocliError):
    """A model, a run, a file or traces that the command needs are not there."""

    exit_code = 3


class GateError(SocliError):
    """A condition the user set was not met."""

    exit_code = 4


class StorageError(SocliError):
    """The disk, a permission or a damaged file stands in the way."""

    exit_code = 74


class TryAgainError(SocliError):
    """Stopped before the end; the same command continues."""

    exit_code = 75
