"""Files, the standard input and known sets as problems, and what is refused."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import socli
from socli.errors import MissingError, SocliError, UsageError
from socli.problem import Problem, Step
from socli.sources import KNOWN, STORIES, Fields, check, problems


def written(folder: Path, text: str | bytes, name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return str(path)


def refused(spec: str) -> SocliError:
    with pytest.raises(SocliError) as caught:
        list(problems(spec))
    return caught.value


def test_a_row_needs_a_question_alone(tmp_path: Path) -> None:
    spec = written(tmp_path, '{"question": " How many? "}\n')
    assert list(problems(spec)) == [Problem("How many?", None, "number", spec)]


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("18", "18"),
        ("$1,234.50", "1234.5"),
        (18, "18"),
        (18.0, "18"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (0, "0"),
        ("eighteen", "18"),
        ("9*2 = <<9*2=18>>18\n#### 18", "18"),
        (True, "yes"),
        (False, "no"),
        (None, None),
        ("", None),
    ],
)
def test_an_answer_is_a_number_a_string_a_solution_or_a_yes(
    tmp_path: Path, answer: object, gold: str
) -> None:
    (problem,) = problems(written(tmp_path, json.dumps({"question": "?", "answer": answer})))
    assert problem.gold == gold
    assert problem.kind == ("yes/no" if isinstance(answer, bool) else "number")


def test_a_solution_s_lines_become_steps(tmp_path: Path) -> None:
    row = {"question": "?", "answer": "Eggs? ** 16-3-4 = <<16-3-4=9>>9\n9*2 = <<9*2=18>>18\n#### 18"}
    (problem,) = problems(written(tmp_path, json.dumps(row)))
    assert problem.steps == (Step("Eggs?", "16-3-4 = <<16-3-4=9>>9"), Step("", "9*2 = <<9*2=18>>18"))


def test_what_socli_prints_it_reads_again(tmp_path: Path) -> None:
    row = {
        "id": "0123456789abcdef",
        "question": "Is it?",
        "answer": "yes",
        "kind": "yes/no",
        "context": "It was.",
        "steps": [{"question": "Was it?", "text": "It was."}, {"question": "Is #1?", "text": ""}],
    }
    spec = written(tmp_path, json.dumps(row))
    steps = (Step("Was it?", "It was."), Step("Is #1?", ""))
    assert list(problems(spec)) == [Problem("Is it?", "yes", "yes/no", spec, "It was.", steps)]


def test_fields_have_the_names_they_are_given(tmp_path: Path) -> None:
    row = {"q": "Capital of France?", "a": "Paris", "facts": ["It lies on the Seine.", "It is large."]}
    fields = Fields("q", "a", "facts", "text")
    (problem,) = problems(written(tmp_path, json.dumps(row)), fields=fields)
    assert (problem.question, problem.gold, problem.kind) == ("Capital of France?", "paris", "text")
    assert problem.context == "It lies on the Seine. It is large."


def test_t12_marks_at_the_start_line_ends_and_unfit_letters_do_not_matter(tmp_path: Path) -> None:
    text = (
        '\ufeff{"question": "a\\u0000b \\ud800 \\ud83d\\ude00 \u202e"}\r\n\r\n   \n{"question": "\u05d0"}\r\n'
    )
    assert [problem.question for problem in problems(written(tmp_path, text))] == [
        "a\ufffdb \ufffd \U0001f600 \u202e",
        "\u05d0",
    ]


def test_a_line_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    spec = written(tmp_path, json.dumps({"question": "x" * 10_000_000, "answer": "1"}))
    assert [len(problem.question) for problem in problems(spec)] == [10_000_000]
    cell = written(tmp_path, "question,answer\n" + "x" * 10_000_000 + ",1\n", "rows.csv")
    assert [len(problem.question) for problem in problems(cell)] == [10_000_000]


def test_csv_is_read_by_its_header(tmp_path: Path) -> None:
    text = '\ufeffquestion,answer,other\r\n"How many,\nin all?",18,x\r\nAnd then?,,\r\n'
    spec = written(tmp_path, text, "rows.csv")
    assert list(problems(spec)) == [
        Problem("How many,\nin all?", "18", "number", spec),
        Problem("And then?", None, "number", spec),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"question": "a"}\n{"question": "b"\n', "line 2 is not JSON: Expecting ',' delimiter at column 17"),
        ('{"question": "a"}\n[1]\n', "line 2 is not an object"),
        ('{"question": "a"}\n\n{"answer": 1}\n', "line 3 has no question"),
        ('{"question": "  "}', "line 1 has no question"),
        ('{"question": 7}', "line 1 has no question"),
        ("[" * 100_000, "line 1 is nested too deeply"),
        ('{"question": "a", "answer": ' + "9" * 5000 + "}", "line 1 is not JSON: a number is too long"),
        ('{"question": "a", "answer": "abc"}', "line 1: the answer `abc` cannot be read as a number"),
        ('{"question": "a", "answer": NaN}', "line 1: the answer `nan` cannot be read as a number"),
        ('{"question": "a", "answer": [1]}', "line 1: the answer `[1]` cannot be read as a number"),
        ('{"question": "a", "answer": "1\\n#### so"}', "the answer `1 #### so` cannot be read as a number"),
        ('{"question": "a", "kind": "yes/no", "answer": "1"}', "the answer `1` cannot be read as yes or no"),
        ('{"question": "a", "steps": "b"}', "line 1: `steps` is not a list of objects"),
        ('{"question": "a", "steps": [{"text": 1}]}', "line 1: `steps` is not a list of objects"),
        (b'{"question": "a"}\n{"question": "\xe4"}\n', "line 2 is not UTF-8: byte 32 is 0xe4"),
        ('{"question": "a"}'.encode("utf-16"), "line 1 is not UTF-8: byte 0 is 0xff"),
        (b"\x00\x01\x02\xff", "line 1 is not UTF-8: byte 3 is 0xff"),
        (b"\x00\x01\x02", "line 1 is not JSON"),
    ],
)
def test_t25_bad_rows_are_refused_with_file_and_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    spec = written(tmp_path, text)
    error = refused(spec)
    assert message in str(error)
    assert spec in str(error)
    assert error.exit_code == 2
    assert not str(error).endswith(".")


def test_unreadable_answers_are_all_counted_and_ten_lines_named(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "answer": "unknown" if n % 2 else n} for n in range(1, 31)]
    spec = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError) as caught:
        next(problems(spec))
    assert str(caught.value) == (
        f"{spec} line 1: the answer `unknown` cannot be read as a number "
        "(15 such lines: 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …)"
    )


def test_rows_beyond_the_limit_are_not_judged(tmp_path: Path) -> None:
    spec = written(tmp_path, '{"question": "a"}\n{"question": "b"}\nnot JSON\n')
    assert [problem.question for problem in problems(spec, limit=2)] == ["a", "b"]
    assert list(problems(spec, limit=0)) == []


def test_the_other_fields_are_named_where_the_question_is_missing(tmp_path: Path) -> None:
    error = refused(written(tmp_path, '{"prompt": "a", "n": 1, "reply": "b"}'))
    assert error.hint == "name the field that holds it: prompt, reply"


@pytest.mark.parametrize("text", ["other\nx\n", "question\n\x00\n", 'question,answer\n"a\n'])
def test_csv_without_questions_is_refused(tmp_path: Path, text: str) -> None:
    spec = written(tmp_path, text, "rows.csv")
    if text.endswith('"a\n'):  # an open quote takes in the rest of the file
        assert [problem.question for problem in problems(spec)] == ["a"]
    elif "\x00" in text:
        assert [problem.question for problem in problems(spec)] == ["\ufffd"]
    else:
        assert "line 2 has no question" in str(refused(spec))


def test_an_empty_file_has_no_problems(tmp_path: Path) -> None:
    assert list(problems(written(tmp_path, ""))) == []
    assert list(problems(written(tmp_path, "", "rows.csv"))) == []


def endless() -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield json.dumps({"question": f"{number}?", "answer": "x" if number == 5 else "1"}).encode() + b"\n"


def test_the_standard_input_is_read_as_it_comes() -> None:
    read = problems("-", stdin=endless())
    assert [problem.question for problem in islice(read, 4)] == ["1?", "2?", "3?", "4?"]
    with pytest.raises(UsageError, match="stdin line 5: the answer `x` cannot be read as a number"):
        next(read)
    text = io.StringIO('{"question": "a"}\n')
    assert list(problems("-", stdin=text)) == [Problem("a", None, "number", "stdin")]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    code = "from socli.sources import problems\nfor p in problems('/dev/fd/0'): print(p.question, p.gold)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input='{"question": "a", "answer": 2}\n',
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(socli.__file__).parents[1])},
    )
    assert (done.stdout, done.stderr) == ("a 2\n", "")


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("gsm8k:tset", "did you mean gsm8k:test?"),
        ("gsm8k", "did you mean gsm8k:"),
        ("GSM8K:test", "did you mean gsm8k:test?"),
        ("storys:train", "did you mean stories:train?"),
        ("qqqqqqqq:zz", "known are stories:train, stories:test"),
        ("", "known are"),
        ("a\x00b", "known are"),
        ("x" * 300, "known are"),
        ("\x1b]0;title\x07:train", "known are"),
    ],
)
def test_an_unknown_set_is_refused_with_the_nearest_named(spec: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(spec)
    assert type(caught.value) is UsageError
    assert hint in str(caught.value.hint)
    assert "\x00" not in str(caught.value)


@pytest.mark.parametrize(
    "spec", ["no-such.jsonl", "no/such/file.csv", "folder/none", "../../x", "gsm8k:test.jsonl"]
)
def test_a_missing_file_is_missing(spec: str) -> None:
    with pytest.raises(MissingError, match="there is no file"):
        check(spec)
    with pytest.raises(MissingError):
        problems(spec)


def test_known_sets_files_and_the_standard_input_are_there(tmp_path: Path) -> None:
    for spec in (*KNOWN, "-", written(tmp_path, ""), written(tmp_path, "", "odd name")):
        check(spec)
    with pytest.raises(MissingError):
        check(str(tmp_path))


def test_stories_are_told_by_seed_steps_and_limit() -> None:
    told = list(problems("stories:test", limit=20, steps=(2, 3), seed=4))
    assert len(told) == 20
    assert {len(problem.steps) for problem in told} <= {2, 3}
    assert {problem.source for problem in told} == {"stories:test"}
    assert told == list(problems("stories:test", limit=20, steps=(2, 3), seed=4))
    assert told != list(problems("stories:test", limit=20, steps=(2, 3), seed=5))
    assert sum(1 for _ in problems("stories:unseen")) == STORIES["stories:unseen"] == 1000


def test_nothing_heavy_is_imported_to_read_a_file(tmp_path: Path) -> None:
    spec = written(tmp_path, '{"question": "a"}')
    code = (
        "import sys; from socli.sources import problems; list(problems(sys.argv[1]));"
        "print([m for m in ('datasets', 'torch', 'huggingface_hub', 'pandas', 'typer') if m in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": str(Path(socli.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code, spec], capture_output=True, text=True, env=env)
    assert done.stdout == "[]\n", done.stderr


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["question", "text"]), inner),
    max_leaves=6,
)
_rows = st.dictionaries(st.sampled_from(["question", "answer", "context", "steps", "kind", "id"]), _values)


@settings(max_examples=300, deadline=None)
@given(st.lists(_rows, max_size=4), st.binary(max_size=20))
def test_whatever_a_line_holds_it_is_a_problem_or_a_sentence(
    rows: list[dict[str, object]], noise: bytes
) -> None:
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    for stream in (lines, [*lines, noise]):
        read = problems("-", stdin=stream)
        with contextlib.suppress(UsageError):
            for problem in read:
                assert problem.question == problem.question.strip() != ""
                problem.question.encode("utf-8")


def test_twenty_thousand_rows_are_read_in_seconds() -> None:
    row = json.dumps({"question": "How many?", "answer": "9*2 = <<9*2=18>>18\n#### 18"}) + "\n"
    began = time.process_time()
    assert sum(1 for _ in problems("-", stdin=(row for _ in range(20_000)))) == 20_000
    assert time.process_time() - began < 5


# ---- parts of data sets


@pytest.mark.parametrize(
    ("spec", "questions"),
    [
        ("gsm8k:train[-2:]", ["3?", "4?"]),
        ("gsm8k:train[:-2]", ["0?", "1?", "2?"]),
        ("gsm8k:train[1:3]", ["1?", "2?"]),
        ("gsm8k:train[:]", ["0?", "1?", "2?", "3?", "4?"]),
        ("gsm8k:train[9:]", []),
    ],
)
def test_a_part_of_a_data_set_is_named_by_its_first_and_last_problem(
    spec: str, questions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": f"{n}?", "answer": f"So? ** {n}.\n#### {n}"} for n in range(5)]
    file = tmp_path / "gsm8k" / "train_socratic.jsonl"
    file.parent.mkdir()
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("SOCLI_DATA", str(tmp_path))
    check(spec)
    assert [problem.question for problem in problems(spec)] == questions
    assert [problem.question for problem in problems(spec, limit=1)] == questions[:1]
    assert {problem.source for problem in problems(spec)} <= {"gsm8k:train"}


@pytest.mark.parametrize(
    "spec",
    ["gsm8k:train[5]", "gsm8k:train[1:2:3]", "gsm8k:train[a:b]", "gsm8k:train[-500:", "stories:train[:5]"],
)
def test_what_is_no_part_of_a_data_set_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="there is no set") as caught:
        check(spec)
    assert f"did you mean {spec.partition('[')[0]}?" in str(caught.value.hint)
