"""`socli store`: path, check, backup."""

from pathlib import Path

import pytest
from command_line import Socli, dump


def test_the_path_follows_home_and_option(socli: Socli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert socli("store", "path").lines == [str(home / "socli.db")]
    assert socli("store", "path", "--store", "/x/y.db").lines == ["/x/y.db"]
    monkeypatch.setenv("SOCLI_HOME", "~/elsewhere")
    assert socli("store", "path").lines == [str(Path.home() / "elsewhere" / "socli.db")]


def test_a_good_store_is_good_and_its_copy_holds_the_same(
    socli: Socli, trained: Path, tmp_path: Path
) -> None:
    assert socli("store", "check").lines == ["good"]
    copy = tmp_path / "safe" / "copy.db"
    assert socli("store", "backup", str(copy)).lines == [str(copy)]
    assert dump(copy) == dump(trained)
    twice = socli("store", "backup", str(copy))
    assert (twice.code, twice.out) == (2, "")
    assert twice.told == [f"error: {copy} is there already", "hint: name a new file for the backup"]


def test_t15_damage_is_named_and_left_as_it_is(socli: Socli, trained: Path) -> None:
    dump(trained)
    whole = trained.read_bytes()
    pages = len(whole) // 4096
    trained.write_bytes(whole[: (pages - 1) * 4096] + b"\xff" * 4096)
    damaged = trained.read_bytes()
    done = socli("store", "check")
    assert (done.code, done.out) == (74, "")
    assert any("damaged" in line for line in done.told)
    assert done.told[-1].startswith("hint: ")
    assert trained.read_bytes() == damaged
