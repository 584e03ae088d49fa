"""How long `socli --help` takes beside a bare Typer app with as many commands, and what it loads.

    python tests/benchmarks/start.py

CPU seconds of whole processes, the two in turn; the last line is one JSON object, exit 1 where a
figure misses its target.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 15
HEAVY = {"torch", "transformers", "datasets", "openai", "pandas", "numpy", "sqlite_utils", "peft", "pyarrow"}


def cpu_seconds(*command: str) -> float:
    """User and system seconds of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare_app(commands: int) -> str:
    """The source of a Typer app that does nothing, with that many commands."""
    functions = "".join(
        f'@app.command()\ndef command{n}(name: str = "", n: int = 1) -> None:\n    """Do one thing."""\n'
        for n in range(commands)
    )
    return f"import typer\napp = typer.Typer()\n{functions}app()\n"


def main() -> int:
    """Measure, print a table, then the JSON line."""
    count = "from socli.cli import app; print(len(app.registered_commands) + len(app.registered_groups))"
    commands = int(subprocess.check_output([sys.executable, "-c", count], text=True))
    listed = subprocess.check_output(
        [sys.executable, "-c", "import sys, socli.cli; print(*sys.modules)"], text=True
    )
    heavy = sorted(HEAVY & {name.split(".")[0] for name in listed.split()})
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(bare_app(commands))
        ours, theirs = [], []
        for _ in range(RUNS + 1):
            ours.append(cpu_seconds(sys.executable, "-m", "socli", "--help"))
            theirs.append(cpu_seconds(sys.executable, str(bare), "--help"))
    ratios = [a / b for a, b in zip(ours[1:], theirs[1:], strict=True)]  # the first run warms the disk
    ratio = statistics.median(ratios)
    print(f"socli --help        {statistics.median(ours[1:]):.3f} CPU s")
    print(f"bare app, {commands:2} commands {statistics.median(theirs[1:]):.3f} CPU s")
    print(f"ratio               {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"heavy modules       {', '.join(heavy) or 'none'}")
    figures = [
        {
            "name": "help over a bare Typer app",
            "value": round(ratio, 3),
            "target": "<= 1.3",
            "holds": ratio <= 1.3,
        },
        {"name": "heavy modules loaded", "value": len(heavy), "target": "0", "holds": not heavy},
    ]
    print(json.dumps({"figures": figures}))
    return 0 if all(figure["holds"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
