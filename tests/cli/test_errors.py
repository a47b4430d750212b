from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import graphrec_lm
from graphrec_lm.cli import app

ROOT = Path(__file__).parents[2]


WRONG = {
    "no command": ([], "the following arguments are required: COMMAND"),
    "misspelt command": (["recomend"], "Did you mean 'recommend'?"),
    "misspelt option": (["recommend", "HOME/cosine", "--users", "1"], "Did you mean '--user'?"),
    "user and history": (["recommend", "HOME/cosine", "--user", "1", "--history", "2"], "not allowed with"),
    "k of zero": (["recommend", "HOME/cosine", "--user", "1", "-k", "0"], "must be an integer >= 1, got '0'"),
    "k of words": (["similar", "HOME/cosine", "1", "-k", "ten"], "must be an integer >= 1, got 'ten'"),
    "misspelt metric": (["evaluate", "m", "--test", "t.csv", "--metrics", "ncdg"], "Did you mean 'ndcg'?"),
    "a rule for the test part of a configuration": (
        ["evaluate", "m", "--config", "m.yaml", "--positive", "all"],
        "`--positive` must come with `--test`",
    ),
    "nothing to evaluate on": (["evaluate", "HOME/cosine"], "--test --config is required"),
    "misspelt folder": (["recommend", "HOME/cosin", "--user", "1"], "Did you mean 'HOME/cosine'?"),
    "not a model": (["recommend", "HOME", "--user", "1"], "a saved model must be a folder with config.json"),
    "everyone without a file": (["recommend", "HOME/cosine"], "Name users by --user"),
    "unknown ending": (["recommend", "HOME/cosine", "--output", "top.xlsx"], "must end in .parquet or .csv"),
    "a weight of words": (
        ["recommend", "HOME/cosine", "--user", "1", "--intent", "noir", "--alpha", "much"],
        "must be auto or a number from 0 to 1, got 'much'",
    ),
    "unknown user": (["recommend", "HOME/cosine", "--user", "99"], "99"),
    "a user of the wrong type": (
        ["recommend", "HOME/cosine", "--user", "ann"],
        "must be integers, got 'ann'",
    ),
    "unknown item": (["similar", "HOME/cosine", "1", "77"], "77"),
    "no similarity": (["similar", "HOME/popular", "1"], "use TitleCosine"),
    "no test file": (["evaluate", "HOME/cosine", "--test", "no.csv"], "there must be a file at no.csv"),
    "a test file of another kind": (["evaluate", "HOME/cosine", "--test", __file__], "must end in .csv"),
    "a test file without ids": (["evaluate", "HOME/cosine", "--test", "HOME/items.csv"], "'user_id'"),
    "a bad rule": (
        ["evaluate", "HOME/cosine", "--test", "HOME/test.csv", "--positive", "rating 4"],
        "got 'rating 4'",
    ),
    "no configuration": (["fit", "no.yaml"], "there must be a configuration file at no.yaml"),
    "unknown dataset": (["info", "movielens-smal"], "Did you mean 'movielens-small'?"),
    "a dataset without root": (["info", "movielens-1m"], "needs `root`"),
}


@pytest.mark.parametrize("arguments, message", WRONG.values(), ids=WRONG)
def test_an_error_is_one_line_and_exit_code_2(cli, home: Path, arguments: list[str], message: str):
    ran = cli(*(argument.replace("HOME", str(home)) for argument in arguments))
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("graphrec-lm")
    assert message.replace("HOME", str(home)) in ran.err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (graphrec_lm.NotFittedError("fit first"), 2, "graphrec-lm info: error: fit first\n"),
        (PermissionError(13, "denied", "a"), 2, "graphrec-lm info: error: [Errno 13] denied: 'a'\n"),
        (
            ImportError('pip install "graphrec_lm[plot]"'),
            2,
            'graphrec-lm info: error: pip install "graphrec_lm[plot]"\n',
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_exit_codes(cli, monkeypatch: pytest.MonkeyPatch, error, code: int, line: str):
    def fail(arguments):
        raise error

    monkeypatch.setattr(app.info, "run", fail)
    ran = cli("info")
    assert (ran.code, ran.err) == (code, line)


def test_a_defect_is_not_hidden(cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app.info, "run", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli("info")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in app.COMMANDS)])
def test_help_has_examples(cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setenv("COLUMNS", "100")
    ran = cli(*arguments)
    assert ran.code == 0
    assert "graphrec-lm " in ran.out.partition("example" if arguments[1:] else "start here")[2]
    assert max(map(len, ran.out.splitlines())) <= 110


def test_version(cli):
    assert cli("--version").out == f"graphrec-lm {graphrec_lm.__version__}\n"


def test_help_loads_nothing_heavy():
    code = "from graphrec_lm.cli.app import build_parser; build_parser().format_help()"
    code = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"torch", "numpy", "pandas", "pyarrow", "pydantic", "yaml"} == set()


def test_as_a_process_without_traceback(tmp_path: Path):
    command = [sys.executable, "-m", "graphrec_lm.cli", "fit", "no.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
