"""How many tokens lessons have in words and as equations alone, and how many traces fit the second.

python tests/benchmarks/equations.py [SET] [COUNT], with SOCLI_DATA naming the folder of the set: the first
COUNT traces that fit both, by the embedded student's tokenizer. Counts alone are printed, no problem.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from socli import models, sources
from socli.arithmetic import marks
from socli.engine import batches, student
from socli.events import Role
from socli.problem import Problem, Trace
from socli.scheme import Scheme, described, lessons, misfit, roles

STUDENT = "smollm2-135m"
FORMS = Scheme("cot"), Scheme(), Scheme(roles="split")


def main() -> int:
    """Count and print one JSON line."""
    name = sys.argv[1] if len(sys.argv) > 1 else "gsm8k:train"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    pairs = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in sources.problems(name) if p.steps]
    fit = [pair for pair in pairs if misfit(pair[1], Scheme("cot", work="equations")) is None]
    steps = [step for _, trace in pairs for step in trace.steps]
    folder = models.located(STUDENT)
    if folder is None:
        raise SystemExit(f"{STUDENT} is not here: socli models fetch {STUDENT}")
    learner = student.load(folder, STUDENT, "bf16")
    told = {"set": name, "traces": len(pairs), "fit": len(fit), "steps": len(steps)}
    told |= {"steps without a mark": sum(not marks(step.text) for step in steps), "counted": len(fit[:count])}
    for form in FORMS:
        for one in (form, replace(form, work="equations")):
            told[described(one)] = {role: _tokens(learner, fit[:count], one, role) for role in roles(one)}
    print(json.dumps(told))
    return 0


def _tokens(
    learner: student.Student, pairs: Sequence[tuple[Problem, Trace]], form: Scheme, role: Role
) -> dict[str, int]:
    """Tokens of one pass over a role's lessons, and those of them that are learnt."""
    every = (one for p, t in pairs for one in lessons(p, t, form))
    encoded = batches.encode(learner, [one for one in every if one.role == role])
    return {
        "read": sum(len(one.ids) for one in encoded),
        "learnt": sum(sum(one.learnt) for one in encoded),
    }


if __name__ == "__main__":
    sys.exit(main())
