"""`socli models`: list and fetch, as typed; what a fetch does is in test_fetch."""

import shutil
from pathlib import Path

import pytest
from command_line import Socli, listing


def test_the_known_students_are_listed_with_size_and_licence(socli: Socli) -> None:
    rows = socli("models", "list", "--json").rows
    assert [row["name"] for row in rows][:3] == ["smollm2-135m", "smollm2-360m", "gpt2"]
    assert list(rows[0]) == ["name", "parameters", "megabytes", "licence", "folder", "note"]
    assert [row["folder"] for row in rows] == [None] * 8
    assert socli("models").lines[2] == "gpt2\t124M\t551 MB\tMIT"


def test_what_is_on_disk_is_said_and_not_fetched_again(socli: Socli, home: Path, llama: Path) -> None:
    from socli.models import catalogue

    known = next(one for one in catalogue() if one.wheel)
    folder = home / "models" / f"{known.name}-{known.wheel.gguf_sha256[:8]}"
    shutil.copytree(llama, folder)
    (folder / "provenance.json").write_text('{"source": "wheel"}')
    line = socli("models").lines[0]
    assert "\ton disk\t" in line
    assert "de-quantised, not the published ones" in line
    fetched = socli("models", "fetch", known.name)
    assert (fetched.code, fetched.out, fetched.err) == (0, f"{folder}\n", "")


def test_offline_the_command_to_type_later_is_named(socli: Socli, home: Path) -> None:
    done = socli("models", "fetch", "gpt2")
    assert (done.code, done.out) == (3, "")
    assert done.told == [
        "error: gpt2 is not here and cannot be fetched (the Hub was not asked because SOCLI_OFFLINE is set): "
        "run `socli models fetch gpt2` once it can",
        f"hint: or copy its folder from another machine into {home / 'models'}, or name a folder",
    ]


@pytest.mark.parametrize(
    "name", ["../../x", "a/../b", "CON", "x\x00y", "a" * 300, f"a/{'b' * 300}", "", "gtp2", "\x1b]0;x\x07"]
)
def test_t20_a_name_that_is_none_is_refused_and_nothing_is_written(
    name: str, socli: Socli, tmp_path: Path
) -> None:
    before = listing(tmp_path)
    done = socli("models", "fetch", name)
    assert (done.code, done.out) == (2, "")
    assert done.told[0].startswith("error: ")
    assert done.told[0].endswith("is no known student, no model folder and no Hub id")
    assert done.told[1] == (
        "hint: did you mean `gpt2`?" if name == "gtp2" else "hint: `socli models` lists the known ones"
    )
    assert len(done.told[0]) < 200
    assert listing(tmp_path) == before
