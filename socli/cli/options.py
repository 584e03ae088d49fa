"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Store = Annotated[
    Path | None,
    typer.Option(
        "--store", help="The SQLite file; socli.db in SOCLI_HOME or the user's data folder otherwise."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
RecipeName = Annotated[
    str, typer.Option("--recipe", "-r", help="A recipe's name (`socli recipes`) or a .toml file.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a setting of the recipe.")
]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="The first so many problems.")]
Steps = Annotated[
    str | None, typer.Option("--steps", metavar="LEAST-MOST", help="Steps of a problem; stories only.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Which stories are told.")]
RunId = Annotated[
    str | None,
    typer.Option(
        "--run", help="A run's id or name, or a folder of `socli export`; the last good run otherwise."
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", help="An untrained student instead, shown worked examples.")
]
Calculator = Annotated[
    bool, typer.Option("--calculator/--no-calculator", help="Compute the values of marked equations.")
]
QuestionField = Annotated[str, typer.Option(help="Name of the field that holds the question.")]
AnswerField = Annotated[str, typer.Option(help="Name of the field that holds the right answer.")]
ContextField = Annotated[str, typer.Option(help="Name of the field that holds facts to be given.")]
Kind = Annotated[Literal["number", "yes/no", "text"], typer.Option(help="How answers are compared.")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Where an OpenAI-compatible API is, such as http://localhost:8000/v1."),
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="Learn also from problems that repeat one of the bench sets.")
]
Solver = Annotated[str | None, typer.Option(help="Who answers instead: a run, or `teacher`.")]
Teacher = Annotated[str | None, typer.Option(help="The model that is `teacher`, at --base-url.")]
UntilValid = Annotated[
    bool, typer.Option("--until-valid", help="Write again until no equation is wrong, 8 times at most.")
]
Verifier = Annotated[
    str | None, typer.Option(help="A run that weighs the samples of --votes: the answer of most weight wins.")
]
Temperature = Annotated[float, typer.Option(min=0, max=2, help="How freely samples are drawn.")]
TopP = Annotated[float, typer.Option(min=0.01, max=1, help="Share of the likeliest tokens.")]
