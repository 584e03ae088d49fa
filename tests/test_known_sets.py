"""GSM8K, SVAMP and StrategyQA: how their rows become problems, from a folder or the Hub."""

import hashlib
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

import socli
from socli.arithmetic import first_wrong
from socli.errors import MissingError, UsageError
from socli.known_sets import SETS, equation_steps, gsm8k, known_problems, solution, strategyqa, svamp
from socli.problem import Problem, Step

DATA = os.environ.get("SOCLI_DATA", "")  # before the suite hides it from the tests

SVAMP = {
    "ID": "made-1",
    "Body": "Ida has 7 red and 12 green buttons. If she loses 15 of them",
    "Question": "How many buttons are left?",
    "Equation": "( ( 7.0 + 12.0 ) - 15.0 )",
    "Answer": 4.0,
    "Type": "Subtraction",
}


def test_a_socratic_solution_has_a_sub_question_before_each_step() -> None:
    row = {
        "question": " How many legs have 3 cats and 2 hens? ",
        "answer": "How many have the cats? ** 3*4 = <<3*4=12>>12\nAnd in all? ** \n"
        "And in all? ** 12 + 2*2 = <<12+2*2=16>>16\n#### 1,016",
    }
    steps = (
        Step("How many have the cats?", "3*4 = <<3*4=12>>12"),
        Step("And in all?", "12 + 2*2 = <<12+2*2=16>>16"),
    )
    wanted = Problem("How many legs have 3 cats and 2 hens?", "1016", "number", "gsm8k:test", steps=steps)
    assert gsm8k(row, "gsm8k:test") == wanted


def test_a_plain_solution_has_steps_without_sub_questions() -> None:
    assert solution("First 3*4 = <<3*4=12>>12.\n\n 12+4 = 16.\n#### 16\n") == (
        (Step("", "First 3*4 = <<3*4=12>>12."), Step("", "12+4 = 16.")),
        "16",
    )


def test_an_equation_becomes_a_step_an_operation_and_the_last_answers_the_question() -> None:
    problem = svamp(SVAMP, "svamp:train")
    assert problem.question == (
        "Ida has 7 red and 12 green buttons. If she loses 15 of them, how many buttons are left?"
    )
    assert problem.gold == "4"
    assert problem.steps == (
        Step("What is the total of 7 and 12?", "7 + 12 = <<7+12=19>>19"),
        Step("How many buttons are left?", "19 - 15 = <<19-15=4>>4"),
    )


@pytest.mark.parametrize(
    ("body", "joined"),
    [
        ("It rained.", "It rained. How many drops?"),
        ("It rained!", "It rained! How many drops?"),
        ("Then it rained", "Then it rained. How many drops?"),
        ("If it rains", "If it rains, how many drops?"),
        ("Clouds came. If it rains 2.5 hours", "Clouds came. If it rains 2.5 hours, how many drops?"),
    ],
)
def test_a_body_without_its_full_stop_is_joined_as_a_sentence(body: str, joined: str) -> None:
    assert svamp(SVAMP | {"Body": body, "Question": "How many drops?"}, "").question == joined


@pytest.mark.parametrize(
    ("equation", "value", "steps"),
    [
        ("8.0", "8", [("?", "8")]),
        ("( 6.0 / 4.0 )", "1.5", [("?", "6 / 4 = <<6/4=1.5>>1.5")]),
        (
            "( 13.0 - ( 3.0 - 13.0 ) )",
            "23",
            [
                ("What is the difference between 3 and 13?", "3 - 13 = <<3-13=-10>>-10"),
                ("?", "13 - (-10) = <<13-(-10)=23>>23"),
            ],
        ),
        (
            "( 2.0 * ( 3.0 * 4.0 ) )",
            "24",
            [("What is the product of 3 and 4?", "3 * 4 = <<3*4=12>>12"), ("?", "2 * 12 = <<2*12=24>>24")],
        ),
        ("( 6.0 * ( 1.0 / 3.0 ) )", "2", []),  # 1/3 would be rounded, and 6 * 0.333 is not 2
    ],
)
def test_equations_are_read_from_the_innermost_parenthesis(
    equation: str, value: str, steps: list[tuple[str, str]]
) -> None:
    assert equation_steps(equation, "?") == (tuple(Step(*step) for step in steps), Fraction(value))


def test_an_equation_that_does_not_give_the_answer_is_no_reference() -> None:
    problem = svamp(SVAMP | {"Answer": "5.0"}, "svamp:test")
    assert (problem.gold, problem.steps) == ("5", ())


def test_facts_are_context_and_the_decomposition_asks_without_answering() -> None:
    row = {
        "qid": "1",
        "question": "Could a snail cross a city in a day?",
        "answer": False,
        "facts": ["Snails make about 1 m a minute ", "Cities are wider than 1.5 km."],
        "decomposition": ["How far does a snail get in a day?", "Is #1 more than a city's width?"],
    }
    assert strategyqa(row, "strategyqa:dev") == Problem(
        "Could a snail cross a city in a day?",
        "no",
        "yes/no",
        "strategyqa:dev",
        "Snails make about 1 m a minute. Cities are wider than 1.5 km.",
        (Step("How far does a snail get in a day?", ""), Step("Is #1 more than a city's width?", "")),
    )


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and an empty home; the Hub must not be asked."""
    monkeypatch.setenv("SOCLI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SOCLI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCLI_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # put back at the end, since SOCLI_OFFLINE sets it
    return tmp_path / "data"


def test_the_socratic_file_is_read_before_the_plain_one(data: Path) -> None:
    (data / "gsm8k").mkdir(parents=True)
    for name, asked in (("train", ""), ("train_socratic", "So? ** ")):
        row = {"question": "1 and 1?", "answer": f"{asked}<<1+1=2>>2\n#### 2"}
        (data / "gsm8k" / f"{name}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert [problem.steps for problem in known_problems("gsm8k:train")] == [(Step("So?", "<<1+1=2>>2"),)]
    (data / "gsm8k" / "train_socratic.jsonl").unlink()
    assert [problem.steps for problem in known_problems("gsm8k:train")] == [(Step("", "<<1+1=2>>2"),)]


@pytest.mark.parametrize(
    "line", ["", "[]", "{", '{"question": "?"}', '{"question": 1, "answer": "1"}', "\udcff"]
)
def test_a_damaged_file_of_a_known_set_is_named_with_its_line(data: Path, line: str) -> None:
    (data / "gsm8k").mkdir(parents=True)
    good = '{"question": "?", "answer": "#### 1"}\n'
    (data / "gsm8k" / "test.jsonl").write_bytes(f"{good}{line}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"test\.jsonl line 2 is not a row of gsm8k:test"):
        list(known_problems("gsm8k:test"))


@pytest.mark.parametrize("name", SETS)
def test_without_data_or_network_the_way_out_is_named(data: Path, name: str) -> None:
    with pytest.raises(MissingError, match=f"{name} is not on this machine: the Hub was not asked") as caught:
        list(known_problems(name))
    assert caught.value.exit_code == 3
    assert "SOCLI_DATA" in str(caught.value.hint)


class FakeHub:
    """The few addresses of the Hub that `datasets` asks for, with one repository of one file a split."""

    commit = "cc7b047b6e5bb11b4f1af84efc572db110a51b3c"

    def __init__(self, repo: str, config: str, splits: dict[str, list[dict[str, Any]]]) -> None:
        self.repo = repo
        files = [{"split": split, "path": f"{split}.jsonl"} for split in splits]
        card = f"---\nconfigs: {json.dumps([{'config_name': config, 'data_files': files}])}\n---\n"
        self.files = {"README.md": card.encode()} | {
            f"{split}.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()
            for split, rows in splits.items()
        }

    def __call__(self, request: Request) -> Response:
        api, here = f"/api/datasets/{self.repo}", f"/datasets/{self.repo}/resolve/{self.commit}/"
        if request.path.startswith(f"{api}/tree/"):
            return self.as_json([self.entry(name) for name in self.files])
        if request.path.startswith(f"{api}/paths-info/"):
            return self.as_json(
                [self.entry(name) for name in request.form.getlist("paths") if name in self.files]
            )
        if request.path.startswith(api):
            about = {
                "id": self.repo,
                "sha": self.commit,
                "siblings": [{"rfilename": name} for name in self.files],
            }
            return self.as_json(about)
        if (name := request.path.removeprefix(here)) in self.files:
            headers = {"ETag": f'"{self.entry(name)["oid"]}"', "X-Repo-Commit": self.commit}
            return Response(self.files[name], headers=headers)
        return Response(status=404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.commit})

    def entry(self, name: str) -> dict[str, Any]:
        body = self.files[name]
        return {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}  # noqa: S324

    @staticmethod
    def as_json(value: Any) -> Response:
        return Response(json.dumps(value), content_type="application/json")


def run(code: str, tmp_path: Path, endpoint: str) -> str:
    """Standard output of a fresh Python: the Hub's client reads its address when it is imported."""
    names = {"SOCLI_HOME": "home", "HF_HOME": "hf"}
    dropped = {"SOCLI_DATA", "SOCLI_OFFLINE", "HF_HUB_OFFLINE"}
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    env |= {key: str(tmp_path / name) for key, name in names.items()} | {"HF_ENDPOINT": endpoint}
    env["PYTHONPATH"] = str(Path(socli.__file__).parents[1])
    code = f"from socli.known_sets import known_problems\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_set_is_fetched_from_the_hub_once_at_its_pinned_revision(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    row = {"question": "1 and 1?", "answer": "So? ** <<1+1=2>>2\n#### 2"}
    hub = FakeHub("openai/gsm8k", "socratic", {"train": [row], "test": [row, row | {"question": "Two?"}]})
    httpserver.expect_request(re.compile(".*")).respond_with_handler(hub)
    (tmp_path / "openai" / "gsm8k").mkdir(parents=True)  # a folder of that name must not be taken for it
    code = "print([p.question for p in known_problems('gsm8k:test')])"
    assert run(code, tmp_path, httpserver.url_for("").rstrip("/")) == "['1 and 1?', 'Two?']\n"
    assert [path.name for path in (tmp_path / "home" / "sets" / "openai--gsm8k-cc7b047b").iterdir()] == [
        "socratic-test.jsonl"
    ]
    assert run(code, tmp_path, "http://127.0.0.1:9") == "['1 and 1?', 'Two?']\n"


def test_any_set_of_the_hub_is_read_by_the_names_of_its_fields_and_its_commit_is_recorded(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    rows = [{"ask": "1 and 1?", "gold": "That is 2.\n#### 2"}, {"ask": "2 and 2?", "gold": "4"}]
    hub = FakeHub("mira/small-sums", "main", {"test": rows})
    httpserver.expect_request(re.compile(".*")).respond_with_handler(hub)
    code = (
        "from socli.sources import Fields, problems\n"
        "spec = 'hf:mira/small-sums/main:test'\n"
        "read = problems(spec, fields=Fields('ask', 'gold'))\n"
        "print([(p.question, p.gold, p.source) for p in read])"
    )
    wanted = [(asked, gold, "hf:mira/small-sums/main:test") for asked, gold in
              (("1 and 1?", "2"), ("2 and 2?", "4"))]  # fmt: skip
    assert run(code, tmp_path, httpserver.url_for("").rstrip("/")) == f"{wanted}\n"
    recorded = json.loads((tmp_path / "home" / "revisions.json").read_text("utf-8"))
    assert recorded == {"dataset": {"mira/small-sums": hub.commit}}
    assert run(code, tmp_path, "http://127.0.0.1:9") == f"{wanted}\n"


def test_every_tenth_of_the_hub_s_strategyqa_is_dev(data: Path) -> None:
    revisions = {"dataset": {"tasksource/strategy-qa": "a" * 40}}
    folder = data.parent / "home" / "sets" / "tasksource--strategy-qa-aaaaaaaa"
    folder.mkdir(parents=True)
    (data.parent / "home" / "revisions.json").write_text(json.dumps(revisions), "utf-8")
    row = {"answer": True, "facts": [], "decomposition": []}
    rows = "".join(json.dumps(row | {"question": f"{n}?"}) + "\n" for n in range(2290))
    (folder / "default-train.jsonl").write_text(rows, "utf-8")
    dev = [problem.question for problem in known_problems("strategyqa:dev")]
    train = [problem.question for problem in known_problems("strategyqa:train")]
    assert (len(dev), len(train), dev[:2], train[:2]) == (229, 2061, ["0?", "10?"], ["1?", "2?"])
    assert not set(dev) & set(train)


@pytest.mark.skipif(not DATA, reason="SOCLI_DATA does not name the data folder")
def test_the_real_sets_have_their_published_sizes_and_sound_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCLI_DATA", DATA)
    sizes = {"gsm8k:train": 7473, "gsm8k:test": 1319, "svamp:train": 700, "svamp:test": 300}
    sizes |= {"strategyqa:train": 2061, "strategyqa:dev": 229}
    read = {name: list(known_problems(name)) for name in SETS}
    assert {name: len(problems) for name, problems in read.items()} == sizes
    counts = [len(problem.steps) for problem in read["gsm8k:train"]]
    assert (round(sum(counts) / len(counts), 2), min(counts), max(counts)) == (3.58, 2, 9)
    assert all(step.question and step.text for problem in read["gsm8k:train"] for step in problem.steps)
    every = [problem for problems in read.values() for problem in problems]
    assert [problem.question for problem in every if first_wrong(problem.steps) is not None] == []
    stepless = [problem.question for problem in every if not problem.steps]
    assert len(stepless) == 2  # chal-680, and the one equation of SVAMP that needs 55/15
    assert sum(len(problem.steps) == 1 for problem in read["svamp:train"]) == 546  # 545 and the bare number
    assert sum(problem.gold == "no" for problem in read["strategyqa:dev"]) == 122
