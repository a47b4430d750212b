"""Named datasets: the bundled one, folders, downloads on request."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.data import list_datasets, load_dataset
from graphrec_lm.data.bundled import movielens_small_folder
from graphrec_lm.data.registry import REGISTRY
from graphrec_lm.errors import InputError


def test_bundled_statistics():
    dataset = load_dataset("movielens-small")
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (610, 9_742, 48_580)
    assert len(dataset.interactions) == 100_836
    assert dataset.item_table.column_names == ["item_id", "title", "genres"]
    assert dataset.interactions.columns.column_names == ["rating", "timestamp", "split"]
    assert dataset.titles[0] == "Toy Story (1995)"
    assert dataset.backend == "pandas"
    assert (dataset.item_counts > 0).sum() == 6_298
    assert load_dataset("movielens-small", positive=None).n_interactions == 100_836


def test_bundled_files():
    folder = movielens_small_folder()
    vectors = np.load(folder / "titles.all-MiniLM-L6-v2.float16.npy")
    assert vectors.shape == (9_742, 384) and vectors.dtype == np.float16
    assert np.allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    assert "Usage License" in (folder / "README.txt").read_text()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A registry entry whose archive is a local file."""
    path = tmp_path / "served" / "ml-1m.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ml-1m/ratings.dat", "1::10::5::100\n2::20::4::200\n")
        file.writestr("ml-1m/movies.dat", "10::A::X\n20::B::Y\n")
        file.writestr("ml-1m/users.dat", "1::F::1::10::1\n2::M::2::3::4\n")
        file.writestr("__MACOSX/junk", "")
    monkeypatch.setitem(REGISTRY, "movielens-1m", replace(REGISTRY["movielens-1m"], url=path.as_uri()))
    return path


def test_download_only_on_request(archive, tmp_path):
    root = tmp_path / "data"
    with pytest.raises(InputError, match=r"no such folder.*grouplens\.org/datasets/movielens.*download=True"):
        load_dataset("movielens-1m", root=root)
    assert not root.exists()
    assert load_dataset("movielens-1m", root=root, download=True).n_interactions == 2
    archive.unlink()
    assert load_dataset("movielens-1m", root=root).n_interactions == 2
    assert load_dataset("movielens-1m", root=root / "ml-1m", positive="rating >= 5").n_interactions == 1
    assert sorted(p.name for p in (root / "ml-1m").iterdir()) == ["movies.dat", "ratings.dat", "users.dat"]


def test_a_failed_download_leaves_nothing(archive, tmp_path):
    archive.unlink()
    root = tmp_path / "data"
    with pytest.raises(InputError, match="must be reachable"):
        load_dataset("movielens-1m", root=root, download=True)
    assert not root.exists() or list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("member", "words"),
    [("../evil", "only files inside its folder"), ("/etc/evil", "only files inside its folder"),
     ("other/a", "must hold the folder 'ml-1m'")],
)  # fmt: skip
def test_hostile_or_wrong_archives_write_nothing(archive, tmp_path, member, words):
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(member, "x")
    root = tmp_path / "a" / "data"
    with pytest.raises(InputError, match=words):
        load_dataset("movielens-1m", root=root, download=True)
    assert [p.name for p in root.iterdir()] == ["ml-1m.zip"]


def test_an_archive_that_is_no_zip(archive, tmp_path):
    archive.write_text("<html>404</html>")
    with pytest.raises(InputError, match="must be a sound zip archive"):
        load_dataset("movielens-1m", root=tmp_path / "data", download=True)


def test_names_are_listed():
    assert "movielens-small" in list_datasets()
    assert all(list_datasets().values())


def test_ml_1m_is_read_from_its_original_files(tmp_path: Path) -> None:
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    movies = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Caf\xe9::Drama\n3::Never rated::Drama\n"
    (folder / "movies.dat").write_bytes(movies.encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::02460\n")
    (folder / "ratings.dat").write_text("1::1::5::978300760\n1::2::3::978302109\n2::2::4::978301968\n")
    dataset = load_dataset("ml-1m", root=tmp_path)
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (2, 3, 2)
    assert dataset.titles == ["Toy Story (1995)", "Caf\xe9", "Never rated"]
    assert dataset.user_table["zip_code"].to_pylist() == ["48067", "02460"]
    assert dataset.user_table["age"].to_pylist() == [1, 56]
    assert dataset.interactions.column("rating").to_pylist() == [5, 3, 4]
    assert dataset.fingerprint == load_dataset("movielens-1m", root=folder).fingerprint
