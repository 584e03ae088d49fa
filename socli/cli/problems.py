"""socli problems"""

from typing import Annotated

import typer

from socli.cli import app, options, wiring


@app.command()
def problems(
    spec: Annotated[
        str, typer.Argument(metavar="SET", help="A known set (gsm8k:test), a JSONL or CSV file, or -.")
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")] = 10,
    steps: options.Steps = None,
    seed: options.Seed = 0,
    question_field: options.QuestionField = "question",
    answer_field: options.AnswerField = "answer",
    context_field: options.ContextField = "context",
    kind: options.Kind = "number",
    json: options.Json = False,
) -> None:
    """Show the problems of a set or file with their reference steps."""
    from socli import sources

    sources.check(spec)
    wiring.refuse_steps(steps, [spec])
    fields = sources.Fields(question_field, answer_field, context_field, kind)
    found = sources.problems(spec, limit=limit, steps=wiring.two_numbers(steps), seed=seed, fields=fields)
    if json:
        for problem in found:
            row = {
                "id": problem.id,
                "question": problem.question,
                "answer": problem.gold,
                "kind": problem.kind,
                "context": problem.context,
                "source": problem.source,
                "steps": [{"question": step.question, "text": step.text} for step in problem.steps],
            }
            wiring.print_json(row)
        return
    from rich.console import Console

    from socli.screen.render import branches

    console = Console(highlight=False)
    for problem in found:
        console.print(branches(problem, problem.steps, problem.gold))
        console.print()
