"""The whole loop as a visible sequence of real commands; the last line is one JSON object.

`make demo` runs this. Standard library only: it types what you would type.
"""

import json
import resource
import shlex
import subprocess
import sys
import time
from pathlib import Path

SOCLI = str(Path(sys.executable).with_name("socli"))
QUESTION = (
    "A baker makes 6 trays of 8 buns in the morning. She sells 31 buns before noon and packs the rest "
    "into bags of 4. How many buns are left to pack?"
)

LONGER = "--steps 4-6 --limit 30 --set bench.max_tokens=256"


def run(*words: str, keep: bool = False) -> str:
    """Print a command, run it as it is, and give back the last line of its stderr if `keep`."""
    print(f"\n$ socli {shlex.join(words)}", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [SOCLI, *words],
        stderr=subprocess.PIPE if keep else None,
        text=True,
        stdout=subprocess.DEVNULL if keep else None,
    )
    last = ""
    if process.stderr is not None:
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            last = line
    if process.wait():
        sys.exit(process.returncode)
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return last


def accuracy(*words: str) -> float:
    """Bench and give back the accuracy, a fraction."""
    return float(json.loads(run("bench", *words, "--json", keep=True))["accuracy"])


def main() -> None:
    """Annotate, bench before, distill, bench after, solve."""
    began = time.monotonic()
    run("models", "fetch", "smollm2-135m")
    run("annotate", "--recipe", "quickstart")
    untrained = accuracy("--recipe", "quickstart", "--model", "smollm2-135m")
    run("distill", "--recipe", "quickstart")
    trained = accuracy("--recipe", "quickstart")
    guessed = accuracy("--recipe", "quickstart", "--no-calculator")
    longer = accuracy(*f"--recipe quickstart stories:test {LONGER}".split())
    unseen = accuracy("stories:unseen", "--steps", "1-3", "--limit", "30")
    run("solve", QUESTION)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # kilobytes, of the largest
    print(
        json.dumps(
            {
                "accuracy": trained,
                "untrained": untrained,
                "without_calculator": guessed,
                "four_to_six_steps": longer,
                "unseen": unseen,
                "seconds": round(time.monotonic() - began),
                "peak_gb": round(peak, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
