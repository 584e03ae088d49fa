"""The same student at several settings: what differs, and by how much."""

from dataclasses import replace

from doubles import PROBLEMS, ScriptedWriter

from socli.bench import bench
from socli.scheme import Scheme
from socli.scoring.noise import noise
from socli.solve import Solvers
from socli.tables import BenchTable

RIGHT = {problem.question: [f"#### {problem.gold}"] for problem in PROBLEMS}


def test_answers_verdicts_and_texts_that_differ_are_counted_apart(store):
    first, second, third, _ = (problem.question for problem in PROBLEMS)
    other = RIGHT | {first: ["#### 41"], second: ["Well, #### 140\n#### 140"], third: ["#### ?"]}
    benches = []
    for batch, precision, scripts in ((4, "fp32", RIGHT), (1, "bf16", other)):
        who = Solvers("m", Scheme("answer"), ScriptedWriter(scripts), precision=precision)
        card = list(bench("s", PROBLEMS, who, store, BenchTable(batch=batch)))[-1].scorecard
        benches.append((store.bench(card.bench), list(store.predictions(card.bench))))
    found = noise(benches)
    assert found.settings == ((4, "fp32"), (1, "bf16"))
    assert (found.n, found.texts, found.answers, found.verdicts, found.spread) == (4, 3, 2, 2, 0.5)
    assert [(one.position, one.answers) for one in found.differing] == [(1, ("40", "41")), (3, ("1.5", None))]
    same = noise([benches[0], (replace(benches[0][0]), benches[0][1])])
    assert (same.texts, same.answers, same.verdicts, same.spread, same.differing) == (0, 0, 0, 0.0, ())
