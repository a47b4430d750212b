"""The layout that AlphaRec's authors released, in a small folder made here."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from graphrec_lm.data import alpharec_vectors, load_dataset, read_alpharec
from graphrec_lm.errors import InputError
from graphrec_lm.text import PrecomputedEncoder
from tests.data.messages import check

VECTORS = np.arange(1, 13).reshape(4, 3) / 10


@pytest.fixture
def folder(tmp_path):
    """Three users and four items, the last of them touched by nobody."""
    path = tmp_path / "amazon_movie"
    for name in ("cf_data", "item_info"):
        (path / name).mkdir(parents=True)
    (path / "cf_data" / "train.txt").write_text("0 2 1\n1 0\n2 1 2\n")
    (path / "cf_data" / "valid.txt").write_text("0 0\n1\n2 0\n")
    (path / "cf_data" / "test.txt").write_text("1 2\n")
    np.save(path / "item_info" / "item_cf_embeds_large3_array.npy", VECTORS)
    return path


def write_titles(folder, text, name="item_raw_info.txt"):
    path = folder / "item_info" / name
    path.write_text(text, encoding="utf-8")
    return path


def test_lists_items_and_vectors(folder):
    dataset = read_alpharec(folder)
    split = dataset.split("from_column")
    assert (dataset.n_users, dataset.n_items) == (3, 4)
    assert split.train.indices.tolist() == [1, 2, 0, 1, 2] and split.train.indptr.tolist() == [0, 2, 3, 5]
    assert (split.valid.n_interactions, split.test.n_interactions) == (2, 1)
    assert dataset.titles == ["item 0", "item 1", "item 2", "item 3"]
    encoder = PrecomputedEncoder(texts=dataset.titles, embeddings=alpharec_vectors(folder))
    np.testing.assert_allclose(encoder.encode(split.train.titles), VECTORS, rtol=1e-6)


def test_titles_in_the_order_of_the_items(folder):
    write_titles(folder, "Heat\nAlien\n \nAlien\n")
    dataset = read_alpharec(folder)
    assert dataset.titles == ["Heat", "Alien (item 1)", "item 2", "Alien (item 3)"]
    encoder = PrecomputedEncoder(texts=dataset.titles, embeddings=alpharec_vectors(folder))
    np.testing.assert_allclose(encoder.encode(["Alien (item 3)"]), VECTORS[3:], rtol=1e-6)


def test_titles_by_number_with_a_mark_and_spaces_before_them(folder):
    write_titles(folder, "\ufeff3\tD\n 0\tA\u2028a\r\n2\tC\n1\tB\n")
    assert read_alpharec(folder).titles == ["A\u2028a", "B", "C", "D"]
    write_titles(folder, "3\tD\nA\n2\tC\n1\tB\n")
    with pytest.raises(InputError, match=r"line 2: all lines or none must be .number<tab>title., got 'A'"):
        read_alpharec(folder)
    (folder / "cf_data" / "train.txt").write_text("\ufeff0 2 1\n1 0\n2 1 2\n", encoding="utf-8")
    (folder / "item_info" / "item_raw_info.txt").unlink()
    assert read_alpharec(folder).n_users == 3


def test_titles_by_number_in_a_file_of_another_name(folder):
    path = write_titles(folder, "3\tD\n0\tA\n2\tC\tc\n1\tB\n", "names.tsv")
    assert read_alpharec(folder, titles=path).titles == ["A", "B", "C\tc", "D"]


def test_one_of_several_files_of_vectors(folder):
    np.save(folder / "item_info" / "bert.npy", 2 * VECTORS)
    np.testing.assert_array_equal(alpharec_vectors(folder), VECTORS)
    np.testing.assert_array_equal(alpharec_vectors(folder, "bert.npy"), 2 * VECTORS)
    (folder / "item_info" / "item_cf_embeds_large3_array.npy").unlink()
    np.testing.assert_array_equal(alpharec_vectors(folder), 2 * VECTORS)


def test_by_name(folder, tmp_path):
    for root in (folder, tmp_path):
        assert load_dataset("alpharec-movies", root=root).fingerprint == read_alpharec(folder).fingerprint
    named = load_dataset("alpharec-movies", root=folder, titles=write_titles(folder, "A\nB\nC\nD\n", "t.txt"))
    assert named.titles == list("ABCD")


@pytest.mark.parametrize("download", [True, False])
def test_a_named_folder_that_is_not_there_is_not_downloaded(tmp_path, download):
    with pytest.raises(InputError) as error:
        load_dataset("alpharec-books", root=tmp_path, download=download)
    check(error, ["amazon_book_2014 must be the folder", "no such folder", "by hand", "github.com"])
    with pytest.raises(InputError, match=r"needs `root`.*by hand"):
        load_dataset("alpharec-books")


def remove(*parts):
    return lambda folder: folder.joinpath(*parts).unlink()


def save(array):
    def act(folder):
        path = folder / "item_info" / "item_cf_embeds_large3_array.npy"
        np.save(path, array, allow_pickle=True)

    return act


def cut(folder):
    path = folder / "item_info" / "item_cf_embeds_large3_array.npy"
    path.write_bytes(path.read_bytes()[:-8])


RAGGED = np.empty(2, dtype=object)
RAGGED[:] = [[0.1, 0.2], [0.3]]
BAD = {
    "no train": (remove("cf_data", "train.txt"), "there must be a file at", "train.txt", "nothing"),
    "no valid": (remove("cf_data", "valid.txt"), "there must be a file at", "valid.txt", "nothing"),
    "no test": (remove("cf_data", "test.txt"), "there must be a file at", "test.txt", "nothing"),
    "no vectors": (lambda f: shutil.rmtree(f / "item_info"), "must hold item_cf", "no .npy file", "folder"),
    "ragged rows": (save(RAGGED), "must be an array of numbers", "one length"),
    "a vector": (save(VECTORS[0]), "must be a matrix of floats", "float64 [3]"),
    "texts": (save(VECTORS.astype(str)), "must be a matrix of floats", "<U"),
    "a cut file": (cut, "must be an array of numbers", "one length"),
    "an item beyond the rows": (save(VECTORS[:2]), "items must be < 2", "item 2", "one release"),
    "a title too few": (lambda f: write_titles(f, "A\nB\nC\n"), "one line an item (4)", "3", "move it away"),
    "a number twice": (
        lambda f: write_titles(f, "0\tA\n1\tB\n1\tC\n2\tD\n"),
        "item_raw_info.txt, line 3",
        "each item < 4 must come once",
        "1",
    ),
    "a number beyond": (lambda f: write_titles(f, "0\tA\n1\tB\n2\tC\n4\tD\n"), "line 4", "item < 4", "4"),
    "a word in a list": (
        lambda f: (f / "cf_data" / "valid.txt").write_text("0 x\n"),
        "valid.txt, line 1: each id must be an integer",
        "'x'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_folders(case, folder):
    act, *words = BAD[case]
    act(folder)
    with pytest.raises(InputError) as error:
        read_alpharec(folder)
    check(error, words)


def test_vectors_of_another_name(folder):
    np.save(folder / "item_info" / "item_cf_embeds_bert_array.npy", VECTORS)
    with pytest.raises(InputError) as error:
        read_alpharec(folder, embeddings="item_cf_embeds_bret_array.npy")
    check(error, ["must hold item_cf_embeds_bret_array.npy", "Did you mean 'item_cf_embeds_bert_array.npy'"])


def test_a_missing_file_of_titles(folder):
    with pytest.raises(InputError, match="there must be a file at"):
        read_alpharec(folder, titles=folder / "titles.txt")
