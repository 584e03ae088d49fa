import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from socli import recipe
from socli.cli import app
from socli.errors import RecipeError
from socli.scheme import Scheme

PROBLEMS = '[problems]\ntrain = "stories:train"\n'


def said(call) -> tuple[str, str | None]:
    """The sentence and the hint of the RecipeError that `call` raises."""
    with pytest.raises(RecipeError) as caught:
        call()
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")
    return str(caught.value), caught.value.hint


@pytest.fixture
def load(tmp_path: Path):
    """Loads a recipe with this content."""

    def loaded(content: str | bytes, *overrides: str) -> recipe.Recipe:
        path = tmp_path / "mine.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return recipe.load(str(path), overrides)

    return loaded


# ---- loading


def test_a_recipe_needs_nothing_but_its_problems(load):
    made = load(PROBLEMS)
    assert made.problems.train == "stories:train"
    assert made.teacher.model == "reference"
    assert made.to_scheme() == Scheme("socratic", "unified", sub_answers=True)
    assert made.student.base == "smollm2-135m"
    assert (made.train.epochs, made.train.batch, made.train.lr) == (3, 16, 3e-4)


def test_a_file_that_begins_with_a_byte_order_mark_is_a_recipe(load):
    assert load(b"\xef\xbb\xbf" + PROBLEMS.encode()).problems.train == "stories:train"


def test_a_dump_has_every_setting_and_is_the_recipe_again(load):
    made = load(PROBLEMS + 'steps = [1, 3]\n[bench]\nsets = ["stories:test"]\n')
    dumped = json.loads(recipe.dump(made))
    assert dumped["train"]["checkpoint_minutes"] == 5.0
    assert recipe.parse(dumped, "dump") == made


def test_stories_of_other_steps_or_seeds_are_another_set(load):
    assert load(PROBLEMS).problems.set_name == "stories:train steps 1-6 seed 0"
    made = load(PROBLEMS + "steps = [2, 4]\nseed = 7\n")
    assert made.problems.set_name == "stories:train steps 2-4 seed 7"
    assert load('[problems]\ntrain = "gsm8k:train"').problems.set_name == "gsm8k:train"


def test_runs_of_a_recipe_file_are_called_after_it():
    assert recipe.title("quickstart") == "quickstart"
    assert recipe.title("../my/recipes/fractions.toml") == "fractions"


# ---- --set


def test_set_changes_a_setting_and_reads_its_value_as_toml(load):
    made = load(
        PROBLEMS, "train.epochs=7", "train.lr = 1e-4", 'bench.sets=["gsm8k:test"]', "scheme.roles=split"
    )
    assert (made.train.epochs, made.train.lr, made.bench.sets) == (7, 1e-4, ("gsm8k:test",))
    assert made.to_scheme().split


def test_what_is_no_toml_is_taken_as_a_string(load):
    made = load(PROBLEMS, "teacher.base_url=http://localhost:8000/v1", "student.base=no")
    assert (made.teacher.base_url, made.student.base) == ("http://localhost:8000/v1", "no")


@pytest.mark.parametrize(
    ("override", "sentence", "hint"),
    [
        ("train", "--set 'train' is not table.key=value", "for example --set train.epochs=2"),
        ("=3", "--set '=3' is not table.key=value", "for example --set train.epochs=2"),
        ("train.=3", "--set 'train.=3' is not table.key=value", "for example --set train.epochs=2"),
        ("problems.train.x=1", "--set 'problems.train.x=1': `train` is not a table", None),
        ("trian.epochs=3", "mine.toml: there is no setting `trian`", "did you mean `train`?"),
        ("train.lr=nan", "mine.toml: `train.lr`: input should be a finite number (got 'nan')", None),
    ],
)
def test_a_setting_that_cannot_be_set_is_refused(load, override, sentence, hint):
    assert said(lambda: load(PROBLEMS, override)) == (sentence, hint)


# ---- arms and seeds

ARMS = (
    PROBLEMS
    + """
[scheme]
sub_answers = false

[train]
seeds = [3, 1]

[arms.cot]
scheme.name = "cot"

[arms.planned]
scheme.roles = "split"
scheme.decomposer = "planned"
scheme.guide = "count"
scheme.sub_answers = true
"""
)


def test_an_arm_is_the_scheme_with_what_it_changes(load):
    made = load(ARMS)
    assert list(made.arms) == ["cot", "planned"]
    assert made.schemes() == (
        Scheme("cot", sub_answers=False),
        Scheme("socratic", "split", sub_answers=True, decomposer="planned", guide="count"),
    )
    assert load(PROBLEMS).schemes() == (Scheme(),)


def test_the_queue_is_all_arms_of_a_seed_then_the_next_seed(load):
    queue = load(ARMS).queue()
    assert [(arm, one.train.seed, one.to_scheme().name) for arm, one in queue] == [
        ("cot", 3, "cot"), ("planned", 3, "socratic"), ("cot", 1, "cot"), ("planned", 1, "socratic"),
    ]  # fmt: skip
    assert all((one.arms, one.train.seeds) == ({}, ()) for _, one in queue)
    assert [(arm, one) for arm, one in load(PROBLEMS).queue()] == [("", load(PROBLEMS))]


def test_a_recipe_with_arms_can_be_dumped_and_read_again(load):
    made = load(ARMS)
    assert recipe.parse(json.loads(recipe.dump(made)), "dumped") == made


def test_set_reaches_into_an_arm_and_changes_all_that_say_nothing_else(load):
    made = load(ARMS, "arms.cot.scheme.name=answer", "scheme.guide=operators", "train.seeds=[9]")
    assert [form.name for form in made.schemes()] == ["answer", "socratic"]
    assert [form.guide for form in made.schemes()] == ["operators", "count"]
    assert [one.train.seed for _, one in made.queue()] == [9, 9]


LEVERS = (
    PROBLEMS
    + """
limit = 9

[scheme]
name = "cot"

[train]
epochs = 2

[arms.base]

[arms.swap]
problems.augment = 5

[arms.mean]
train.average = 0.25
train.rounds = 1
student.base = "gpt2"

[sizes.smoke]
limit = 4
epochs = 1
"""
)


def test_an_arm_may_change_more_than_its_scheme(load):
    made = load(LEVERS, "size=smoke", "train.lr=0.001")
    alone = dict(made.queue())
    changed = ("augment", "average", "rounds", "base")
    told = [
        {**one.problems.model_dump(), **one.train.model_dump(), **one.student.model_dump()}
        for one in alone.values()
    ]
    assert [[one[key] for key in changed] for one in told] == [
        [0, 0.0, 0, "smollm2-135m"], [5, 0.0, 0, "smollm2-135m"], [0, 0.25, 1, "gpt2"],
    ]  # fmt: skip
    assert {(one["limit"], one["epochs"], one["lr"]) for one in told} == {(4, 1, 0.001)}
    assert {one.scheme.name for one in alone.values()} == {"cot"}


def test_what_an_arm_names_it_has_in_every_size_and_set_reaches_it(load):
    made = load(LEVERS, "size=smoke", "arms.swap.train.epochs=6", "arms.swap.problems.augment=2")
    assert [(one.train.epochs, one.problems.augment) for _, one in made.queue()] == [(1, 0), (6, 2), (1, 0)]


def test_what_the_others_have_is_told_of_each_arm(load):
    made = load(LEVERS, "problems.augment=5", "train.seeds=[1, 2]")
    assert [made.shared(alone) for _, alone in made.queue()][:3] == [
        {},
        {},
        {"train": {"average": 0.0, "rounds": 0}, "student": {"base": "smollm2-135m"}},
    ]


def test_a_role_starts_from_the_base_unless_it_has_one_of_its_own(load):
    table = load(PROBLEMS + '[student]\nbase = "gpt2"\ndecomposer = "gpt2-medium"\n').student
    assert [table.base_of(role) for role in ("planner", "student", "decomposer", "solver")] == [
        "gpt2", "gpt2", "gpt2-medium", "gpt2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence", "hint"),
    [
        ("arms.cot]\nscheme.nam = 3", "there is no setting `arms.cot.scheme.nam`", "did you mean `name`?"),
        (
            "arms.cot]\ntrain.seeds = [1]",
            "there is no setting `arms.cot.train.seeds`",
            "known here: epochs, batch, lr, warmup, weight_decay, clip, average, lora_rank, rounds",
        ),
        (
            "arms.cot]\nproblems.augment = 200",
            "`arms.cot.problems.augment`: input should be less than or equal to 100 (got '200')",
            None,
        ),
        (
            "arms.cot]\n[train]\nlr = -1.0",  # once, though the arm has it too
            "`train.lr`: input should be greater than 0 (got '-1.0')",
            None,
        ),
        (
            "arms.cot]\nscheme.name = 'cot'\nscheme.also = ['answer', 'cot']",
            "`arms.cot.scheme`: also must name other schemes than cot"
            " (got \"{'name': 'cot', 'also': ['answer', 'cot']}\")",
            None,
        ),
        (
            "scheme]\nname = 'verify'\nalso = ['cot']",
            "`scheme`: a verifier learns no other scheme, so `also` goes with the others alone"
            " (got \"{'name': 'verify', 'also': ['cot']}\")",
            None,
        ),
        (
            "arms.cot]\nname = 3",
            "there is no setting `arms.cot.name`",
            "known here: scheme, problems, train, student",
        ),
        (
            "arms.cot]\nscheme.name = 'cots'",
            "`arms.cot.scheme.name`: input should be 'answer', 'cot', 'socratic' or 'verify' (got 'cots')",
            None,
        ),
        (
            "arms.'A b']\nscheme.name = 'cot'",
            "`arms.A b`: must be up to 32 of a-z, 0-9, `_` and `-`, beginning with a letter or digit"
            " (got 'A b')",
            None,
        ),
        (
            "arms]\ncot = 3",
            "`arms.cot`: input should be a valid dictionary or instance of ArmTable (got '3')",
            None,
        ),
        ("train]\nseeds = [1, 1]", "`train.seeds`: must be different from each other (got '[1, 1]')", None),
        (
            "train]\nseeds = [-1]",
            "`train.seeds.0`: input should be greater than or equal to 0 (got '-1')",
            None,
        ),
        (
            "train]\nbudget = 'hours'",
            "`train.budget`: input should be 'problems', 'steps' or 'tokens' (got 'hours')",
            None,
        ),
        (
            "scheme]\nguide = 'plan'",
            "`scheme.guide`: input should be 'none', 'count', 'operators' or 'equations' (got 'plan')",
            None,
        ),
    ],
)
def test_t19_an_arm_or_seed_that_cannot_be_is_one_sentence(load, content, sentence, hint):
    assert said(lambda: load(f"{PROBLEMS}[{content}\n")) == (f"mine.toml: {sentence}", hint)


# ---- sizes

SIZES = (
    ARMS
    + """
[bench]
limit = 900

[sizes.small]
arms = ["planned"]
limit = 1000
epochs = 1
batch = 2
seeds = [8]
bench_limit = 500

[sizes.smoke]
limit = 4
"""
)


def test_a_size_changes_what_it_names_and_set_has_the_last_word(load):
    full, small, smoke = (load(SIZES, *some) for some in ((), ("size=small",), ("size=smoke",)))
    told = [
        (
            one.problems.limit,
            one.train.epochs,
            one.train.batch,
            one.train.seeds,
            one.bench.limit,
            list(one.arms),
        )
        for one in (full, small, smoke)
    ]
    assert told == [
        (None, 3, 16, (3, 1), 900, ["cot", "planned"]),
        (1000, 1, 2, (8,), 500, ["planned"]),
        (4, 3, 16, (3, 1), 900, ["cot", "planned"]),
    ]
    mine = load(SIZES, "size=small", "problems.limit=7", "train.seeds=[9]")
    assert (mine.problems.limit, mine.train.seeds, mine.train.epochs) == (7, (9,), 1)
    assert load(SIZES.replace("[problems]", 'size = "small"\n[problems]')) == small


def test_the_size_is_frozen_with_every_run_and_the_other_sizes_are_not(load):
    ((_, alone),) = load(SIZES, "size=small").queue()
    assert (alone.size, alone.sizes) == ("small", {})
    assert [one.size for _, one in load(SIZES).queue()] == ["full"] * 4
    assert recipe.parse(json.loads(recipe.dump(alone)), "dumped") == alone


@pytest.mark.parametrize(
    ("change", "overrides", "sentence", "hint"),
    [
        ("", ["size=tiny"], ": `size`: input should be 'smoke', 'small' or 'full' (got 'tiny')", None),
        ("[sizes.tiny]", [], ": `sizes.tiny`: input should be 'smoke' or 'small' (got 'tiny')", None),
        ("[sizes.smoke]\nlimt = 3", [], ": there is no setting `sizes.smoke.limt`", "did you mean `limit`?"),
        (
            "[sizes.smoke]\narms = ['cott']",
            [],
            ": `sizes.smoke.arms`: there is no arm 'cott'",
            "did you mean `cot`?",
        ),
        ("", ["size=small"], " has no size `small`", "it has full"),
    ],
)  # fmt: skip
def test_t19_a_size_that_cannot_be_is_one_sentence(load, change, overrides, sentence, hint):
    assert said(lambda: load(f"{ARMS}{change}\n", *overrides)) == (f"mine.toml{sentence}", hint)


def test_a_bench_has_a_table_for_each_setting_of_the_calculator(load):
    both = load(PROBLEMS + "[bench]\ncalculators = [true, false]\n").bench
    assert [(one.calculator, one.calculators) for one in both.each()] == [(True, ()), (False, ())]
    (alone,) = load(PROBLEMS + "[bench]\ncalculator = false\n").bench.each()
    assert alone.calculator is False


# ---- T19: what a recipe must not hold


def test_t19_every_fault_is_said_at_once_and_the_nearest_key_named(load):
    wrong = PROBLEMS + '[train]\nepoch = 3\nlr = -1\n[scheme]\nname = "socrates"\n'
    sentence, hint = said(lambda: load(wrong))
    assert sentence == (
        "mine.toml: `scheme.name`: input should be 'answer', 'cot', 'socratic' or 'verify' (got 'socrates'); "
        "`train.lr`: input should be greater than 0 (got '-1'); there is no setting `train.epoch`"
    )
    assert hint == "did you mean `epochs`?"


def test_t19_where_no_key_is_near_those_that_are_known_are_named(load):
    sentence, hint = said(lambda: load(PROBLEMS + "[student]\nxyzzy = 3\n"))
    assert (sentence, hint) == (
        "mine.toml: there is no setting `student.xyzzy`",
        "known here: base, decomposer, planner",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "mine.toml: `problems` is missing"),
        ("[problems]\n", "mine.toml: `problems.train` is missing"),
        (
            PROBLEMS + '[train]\nepochs = "three"\n',
            "mine.toml: `train.epochs`: input should be a valid integer, unable to parse string as an integer"
            " (got 'three')",
        ),
        (
            PROBLEMS + "[train]\nlr = nan\n",
            "mine.toml: `train.lr`: input should be a finite number (got 'nan')",
        ),
        (PROBLEMS + "[train]\nlr = 0\n", "mine.toml: `train.lr`: input should be greater than 0 (got '0')"),
        (
            PROBLEMS + "[train]\nlr = inf\n",
            "mine.toml: `train.lr`: input should be a finite number (got 'inf')",
        ),
        (
            PROBLEMS + f"[train]\nseed = {2**64}\n",
            "mine.toml: `train.seed`: input should be less than or equal to 4294967295"
            " (got '18446744073709551616')",
        ),
        (
            PROBLEMS + "steps = [3, 1]\n",
            "mine.toml: `problems.steps`: must be [least, most] with 1 <= least <= most <= 6 (got '[3, 1]')",
        ),
        (
            PROBLEMS + "[bench]\nsets = 'gsm8k:test'\n",
            "mine.toml: `bench.sets`: input should be a valid tuple (got 'gsm8k:test')",
        ),
        (
            PROBLEMS + "[teacher]\nbase_url = 'localhost:8000'\n",
            "mine.toml: `teacher.base_url`: must be an address such as http://localhost:8000/v1",
        ),
        (
            PROBLEMS + "[teacher]\nbase_url = 'https://me:secret@host/v1'\n",
            "mine.toml: `teacher.base_url`: must hold no password; `teacher.api_key_env` names the variable"
            " that does",
        ),
        (
            "train = 3\n" + PROBLEMS,
            "mine.toml: `train`: input should be a valid dictionary or instance of TrainTable (got '3')",
        ),
    ],
)
def test_t19_a_wrong_value_is_one_sentence(load, content, sentence):
    assert said(lambda: load(content))[0] == sentence


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        "[problems",
        "a = 1\na = 2",
        "a = " + "[" * 5000,
        "a = " + "9" * 5000,
        b"\xff\xfe",
        "a = 1\x00",
    ],
    ids=lambda content: repr(content)[:20],
)
def test_t19_what_is_no_toml_cannot_be_read(load, content):
    sentence, _ = said(lambda: load(content))
    assert sentence.startswith("mine.toml cannot be read: ")


def test_t19_a_bad_recipe_ends_with_exit_code_2_before_anything_is_touched(tmp_path: Path, home: Path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(PROBLEMS + "[train]\nepoch = 3\n")
    for command in ("annotate", "distill"):
        result = CliRunner().invoke(app, [command, "--recipe", str(wrong)])
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr == (
            "error: wrong.toml: there is no setting `train.epoch`\nhint: did you mean `epochs`?\n"
        )
    assert not home.exists()


# ---- T20: names


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("quickstar", "there is no recipe 'quickstar'"),
        ("../../x", "there is no recipe '../../x'"),
        ("a/b", "there is no recipe 'a/b'"),
        ("..", "there is no recipe '..'"),
        ("CON", "there is no recipe 'CON'"),
        ("", "there is no recipe ''"),
        ("quickstart\x00", "there is no recipe 'quickstart\\x00'"),
        ("x" * 300, f"there is no recipe '{'x' * 80}'"),
        ("nowhere.toml", "there is no recipe file 'nowhere.toml'"),
        ("x" * 300 + ".toml", f"there is no recipe file '{'x' * 80}'"),
        ("a\x00.toml", "there is no recipe file 'a\\x00.toml'"),
    ],
)
def test_t20_only_a_shipped_name_or_a_toml_file_is_a_recipe(name, sentence):
    found, hint = said(lambda: recipe.load(name))
    assert found == sentence
    assert hint == "did you mean `quickstart`?" if name.startswith("quickstar") else hint


def test_a_folder_is_no_recipe_file(tmp_path: Path):
    (tmp_path / "folder.toml").mkdir()
    assert (
        said(lambda: recipe.load(str(tmp_path / "folder.toml")))[1] == "`socli recipes` lists those that ship"
    )
