"""How fast rows that bring their own answer are scored, in how much memory, and how bad input and pipes end.

    python tests/benchmarks/score.py

Rows go through stdin of a process, in CPU seconds of that process, its start included; the last line is
one JSON object, exit 1 where a figure misses its target.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from socli import scheme
from socli.scheme import Scheme
from socli.stories import stories

ROWS = 100_000
TOLD = 5_000  # distinct stories; the others differ from them in a number at the end
RESCORE = [sys.executable, "-m", "socli", "rescore", "-", "--extractors", "socli"]


def child(mode: str, store: Path) -> None:
    """Score stdin as a command does: `final` without, `checked` with step checks and the store."""
    from contextlib import nullcontext

    from socli.cli import scoring
    from socli.scoring.outputs import Skipped, lines_of, outputs
    from socli.scoring.score import score
    from socli.screen.live import Screen
    from socli.sources import Fields
    from socli.store import Store

    rows = outputs(lines_of("-"), "stdin", Fields(), Skipped())
    checked = mode == "checked"
    with Store(store) if checked else nullcontext() as db, Screen("plain") as screen:
        scoring.follow(score(rows, db, set_name="stdin", model="theirs", steps=checked), screen)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)


def written(path: Path, rows: int) -> Path:
    """Transcripts of stories, one in eight with a wrong answer, as JSONL."""
    told = list(islice(stories("test"), TOLD))

    def lines() -> Iterator[str]:
        for n in range(rows):
            story = told[n % TOLD]
            answer = story.gold if n % 8 else "-1"
            text = scheme.write(story.steps, str(answer), Scheme())
            question = f"{story.question} [{n}]"
            yield json.dumps({"question": question, "answer": story.gold, "response": text}) + "\n"

    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines())
    return path


def scored(path: Path, mode: str, folder: Path) -> tuple[float, int, dict[str, int]]:
    """CPU seconds, MiB at the peak, and how many rows came out and were right."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = folder / "out.jsonl"
    store = folder / f"{mode}-{path.stem}.db"
    with path.open("rb") as rows, out.open("wb") as to:
        done = subprocess.run(
            [sys.executable, __file__, mode, str(store)],
            stdin=rows,
            stdout=to,
            stderr=subprocess.PIPE,
            check=True,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    right = rows_out = 0
    with out.open(encoding="utf-8") as lines:
        for line in lines:
            rows_out += 1
            right += json.loads(line)["correct"]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(done.stderr.splitlines()[-1]), {"rows": rows_out, "right": right}


def closed_pipe(path: Path) -> bool:
    """Whether `| head -1` ends it quietly with one whole line."""
    with path.open("rb") as rows:
        piped = subprocess.Popen(RESCORE, stdin=rows, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert piped.stdout is not None
        line = piped.stdout.readline()
        piped.stdout.close()
        said = piped.stderr.read() if piped.stderr else b"?"
        return piped.wait() == 0 and said == b"" and json.loads(line)["number"] == 1


def bad_lines() -> bool:
    """Whether bad lines are named by number and counted, and the rest is scored."""
    good = json.dumps({"question": "What is 3 + 4?", "answer": "7", "prediction": "7"}).encode()
    lines = [good, b"nonsense", b"\xff", b"[]", good, *[b"{"] * 20, good]
    done = subprocess.run([*RESCORE, "--json"], input=b"\n".join(lines), capture_output=True, check=False)
    told = done.stderr.decode().splitlines()
    named = all(any(f"stdin line {n} " in line for line in told) for n in (2, 3, 4))
    (summary,) = json.loads(told[-1])["scored"]
    counted = any("23 lines of stdin" in line for line in told)
    return done.returncode == 0 and named and counted and summary["extractors"][0]["right"] == 3


def main() -> int:
    """Measure, print a table, then the JSON line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many, few = written(folder / "many.jsonl", ROWS), written(folder / "few.jsonl", ROWS // 10)
        final, final_peak, counts = scored(many, "final", folder)
        checked, checked_peak, checked_counts = scored(many, "checked", folder)
        grown = max(
            final_peak - scored(few, "final", folder)[1], checked_peak - scored(few, "checked", folder)[1]
        )
        quiet, named = closed_pipe(many), bad_lines()
    complete = counts == checked_counts == {"rows": ROWS, "right": ROWS - ROWS // 8}
    figures = [
        ("rows a CPU second, final answers", round(ROWS / final), ">= 20000", ROWS / final >= 20_000),
        ("rows a CPU second, steps and store", round(ROWS / checked), ">= 5000", ROWS / checked >= 5_000),
        ("MiB more for ten times the rows", grown, "<= 10", grown <= 10),
        (f"all of {ROWS:,} rows scored, as they should be", complete, "True", complete),
        ("a closed pipe ends quietly", quiet, "True", quiet),
        ("bad lines named and counted", named, "True", named),
    ]
    for what, value, target, holds in figures:
        print(f"{what:<46} {value!s:>8} {target:>8}  {'holds' if holds else 'MISSED'}")
    keys = ("name", "value", "target", "holds")
    print(json.dumps({"figures": [dict(zip(keys, row, strict=True)) for row in figures]}))
    return 0 if all(row[-1] for row in figures) else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        sys.exit(main())
