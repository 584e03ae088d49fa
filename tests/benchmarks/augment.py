"""How many problems of a set have variants with swapped numbers, how many are kept, and how fast.

python tests/benchmarks/augment.py [SET] [COUNT], with SOCLI_DATA naming the folder of the set; counts alone
are printed, no problem.
"""

import json
import sys
import time

from socli.augment import variants
from socli.augment.tracing import traced
from socli.problem import Trace
from socli.sources import problems


def main() -> int:
    """Measure and print one JSON line."""
    name = sys.argv[1] if len(sys.argv) > 1 else "gsm8k:train"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    pairs = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in problems(name)]
    chains = [traced(*pair) for pair in pairs]
    began = time.process_time()
    made = [len(variants(*pair, count, 0)) for pair in pairs]
    seconds = time.process_time() - began
    told = {
        "set": name,
        "problems": len(pairs),
        "traced": sum(bool(chain and chain.swapped) for chain in chains) / len(pairs),
        "with a variant": sum(map(bool, made)) / len(pairs),
        "asked": count * len(pairs),
        "made": sum(made),
        "share": sum(made) / (count * len(pairs)),
        "variants a CPU second": sum(made) / seconds,
    }
    print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in told.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
