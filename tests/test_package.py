"""The package as a whole: what importing it loads, what it exports, what it ships, what it pins."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import graphrec_lm

ROOT = Path(__file__).parents[1]
HEAVY = set(
    "httpx matplotlib numba pandas polars pyarrow pydantic scipy sentence_transformers sklearn torch "
    "torch_geometric transformers".split()
)


def modules_after(statement: str) -> set[str]:
    """Top-level names of what a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def declared_requirements() -> list[Requirement]:
    """Every requirement of setup.cfg, extras included."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    groups = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return [Requirement(line) for group in groups for line in group.split("\n") if line]


def pins() -> dict[str, str]:
    """Name to version, as constraints.txt pins them."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_importing_the_package_loads_nothing_heavy():
    assert modules_after("import graphrec_lm") & HEAVY == set()


@pytest.mark.parametrize("use", ["import graphrec_lm.data", "import graphrec_lm; graphrec_lm.AlphaRec"])
def test_using_the_package_loads_no_language_model(use: str):
    assert modules_after(use) & {"sentence_transformers", "transformers"} == set()


def test_data_needs_no_torch():
    assert "torch" not in modules_after("import graphrec_lm; graphrec_lm.Dataset")


@pytest.mark.parametrize("name", graphrec_lm.__all__)
def test_every_exported_name_is_there(name: str):
    assert getattr(graphrec_lm, name).__name__ == name
    assert name in dir(graphrec_lm)


def test_rooms_are_reached_as_attributes():
    assert graphrec_lm.metrics.ranking_metrics.__module__ == "graphrec_lm.metrics.ranking"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'graphrec_lm' has no attribute 'AlphaReck'"):
        _ = graphrec_lm.AlphaReck


def test_the_version_is_the_installed_one():
    try:
        installed = importlib.metadata.version("graphrec_lm")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is not installed, only on the path")
    assert graphrec_lm.__version__ == installed


def test_every_requirement_is_pinned_within_its_range():
    pinned = pins()
    for requirement in declared_requirements():
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but {version} is pinned"


def test_pins_are_plain_versions():
    """No hashes, addresses or local builds: the same file serves every index."""
    for name, version in pins().items():
        assert set(version) <= set("0123456789.abrcpostdev"), f"{name}=={version}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy of the tree."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "graphrec_lm", folder / "graphrec_lm", ignore=shutil.ignore_patterns("__pycache__")
    )
    build = [sys.executable, "-c", "from setuptools import build_meta; build_meta.build_wheel('.')"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_ships_every_file_of_the_package(wheel: zipfile.ZipFile):
    package = ROOT / "graphrec_lm"
    paths = {path.relative_to(ROOT) for path in package.rglob("*") if path.is_file()}
    files = {path.as_posix() for path in paths if not re.search(r"/(\.|__pycache__)", path.as_posix())}
    assert files - set(wheel.namelist()) == set()


def test_the_wheel_names_the_command_and_the_licence(wheel: zipfile.ZipFile):
    described = {
        Path(name).name: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name
    }
    assert "graphrec-lm = graphrec_lm.cli:main" in described["entry_points.txt"]
    assert "MIT License" in described["LICENSE"]
    assert re.search(r"^License(-Expression)?: MIT$", described["METADATA"], re.MULTILINE)
    assert "Requires-Python: >=3.11" in described["METADATA"]


def test_the_wheel_holds_the_package_alone(wheel: zipfile.ZipFile):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"graphrec_lm"}
