"""What each extractor makes of the shipped awkward outputs, side by side: tests/data/awkward_answers.jsonl.

    python tests/benchmarks/extractors.py

A dot is what a reader would say too, `miss` a right answer that was missed, `take` a wrong or ambiguous one
that was taken for right. math-verify is there where it is installed. The last line is one JSON object; exit 1
where socli makes a mistake.
"""

import importlib.util
import json
import sys
from pathlib import Path

from socli.scoring.extract import BUILT_IN, EXTRACTORS, extract

ROWS = Path(__file__).parent.parent / "data" / "awkward_answers.jsonl"
NAMES = EXTRACTORS if importlib.util.find_spec("math_verify") else BUILT_IN
SHORT = {
    "last-number": "last",
    "lm-eval-strict": "lm-strict",
    "lm-eval-flexible": "lm-flex",
    "math-verify": "math-v",
}


def main() -> int:
    """Score every row by every extractor, print the table, the sums and the JSON line."""
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    missed, taken = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    print(f"{'text':<52} {'gold':>10} " + " ".join(f"{SHORT.get(name, name):>9}" for name in NAMES))
    for row in (row for row in rows if row["kind"] == "number"):
        cells = []
        for name in NAMES:
            right = extract(name, row["text"], row["gold"], "number").right
            missed[name] += bool(row["right"] and not right)
            taken[name] += bool(right and not row["right"])
            cells.append("." if right == row["right"] else "take" if right else "miss")
        text = row["text"] if len(row["text"]) <= 40 else f"{row['text'][:10]}…{row['text'][-29:]}"
        print(
            f"{json.dumps(text, ensure_ascii=False):<52} {row['gold']:>10} "
            + " ".join(f"{c:>9}" for c in cells)
        )
    kinds = [row["right"] for row in rows if row["kind"] == "number"]
    print(f"\n{'':<18} {'missed':>8} of {sum(kinds)} {'taken':>8} of {len(kinds) - sum(kinds)}")
    for name in NAMES:
        print(f"{name:<18} {missed[name]:>8} {taken[name]:>14}")
    others = [
        row
        for row in rows
        if extract("socli", row["text"], row["gold"], row["kind"]).right is not row["right"]
    ]
    print(f"\nsocli, with the yes/no and text rows: {len(others)} mistakes in {len(rows)}")
    holds = not others
    figures = [{"name": f"mistakes of socli in {len(rows)} awkward outputs", "value": len(others)}]
    print(json.dumps({"figures": [figure | {"target": "0", "holds": holds} for figure in figures]}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
