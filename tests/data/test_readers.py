"""Readers: tiny files of every format, exact tables."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from graphrec_lm.data import (
    Dataset,
    read_amazon,
    read_csv,
    read_lightgcn,
    read_movielens,
    read_parquet,
    read_recbole,
    read_tsv,
)
from graphrec_lm.errors import InputError


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")
    return path


def pairs(dataset):
    users, items = dataset.users.ids[dataset.edges.users], dataset.items.ids[dataset.indices]
    return list(zip(users.tolist(), items.tolist(), strict=True))


def test_csv_with_tables_quotes_and_blank_lines(tmp_path):
    rows = write(
        tmp_path / "r.csv", "user_id,item_id,rating,timestamp,note\n1,7,4.5,10,x\n\n2,8,3,20,\n1,8,5,30,007\n"
    )
    items = write(tmp_path / "i.csv", 'item_id,title\n8,"Good, the ""Bad"""\n7,"two\nlines"\n')
    users = write(tmp_path / "u.csv", "user_id,zip\n2,01002\n1,99999\n")
    dataset = read_csv(rows, items, users, positive="rating >= 4")
    assert pairs(dataset) == [(1, 8), (1, 7)]
    assert dataset.titles == ['Good, the "Bad"', "two\nlines"]
    assert dataset.user_table.to_pydict() == {"user_id": [2, 1], "zip": ["01002", "99999"]}
    assert dataset.interactions.columns.to_pydict() == {
        "rating": [4.5, 3.0, 5.0], "timestamp": [10, 20, 30], "note": ["x", None, "007"],
    }  # fmt: skip
    assert dataset.backend == "pandas"


def test_csv_equals_from_frame(tmp_path):
    frame = pd.DataFrame({"user_id": ["a", "b", "a"], "item_id": [3, 1, 2], "weight": [1.5, 2.0, 0.25]})
    frame.to_csv(tmp_path / "rows.csv.gz", index=False)
    frame.to_csv(tmp_path / "rows.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "rows.parquet")
    expected = Dataset.from_frame(frame).fingerprint
    assert read_csv(tmp_path / "rows.csv.gz").fingerprint == expected
    assert read_tsv(tmp_path / "rows.tsv").fingerprint == expected
    assert read_parquet(tmp_path / "rows.parquet").fingerprint == expected


def test_csv_ids_are_of_one_kind_and_keep_leading_zeros(tmp_path):
    rows = write(tmp_path / "r.csv", "who,what\n1,7\n2,8\n")
    items = write(tmp_path / "i.csv", "what,title\n7,A\n8,B\nx,C\n")
    dataset = read_csv(rows, items, columns={"who": "user_id", "what": "item_id"})
    assert dataset.items.ids.tolist() == ["7", "8", "x"]
    assert dataset.users.ids.tolist() == [1, 2]
    zeros = read_csv(write(tmp_path / "z.csv", "user_id,item_id\n1,007\n2,7\n"))
    assert zeros.items.ids.tolist() == ["007", "7"]


def test_csv_spaces_around_ids_are_none_of_theirs(tmp_path):
    rows = write(tmp_path / "rows.csv", "user_id,item_id\nann, 2\n bob ,2\nann,3\n")
    items = write(tmp_path / "items.csv", "item_id,title\n2, Two\n 3,Three\n")
    dataset = read_csv(rows, items)
    assert (dataset.users.ids.tolist(), dataset.items.ids.tolist()) == (["ann", "bob"], [2, 3])
    assert dataset.titles == [" Two", "Three"]


def test_csv_ids_are_integers_or_texts(tmp_path):
    large = "1234567890123456789", "1234567890123456790"  # beyond what a double holds
    for ids in (large, ("12345678901234567890", "12345678901234567891"), ("1.5", "2.5")):
        rows = write(tmp_path / "r.csv", f"user_id,item_id\n{ids[0]},1\n{ids[1]},2\n")
        found = read_csv(rows).users.ids.tolist()
        assert found == (list(map(int, ids)) if ids == large else list(ids))


def test_csv_tables_of_items_may_call_anything_a_rating(tmp_path):
    rows = write(tmp_path / "r.csv", "user_id,item_id\na,1\nb,2\n")
    items = write(tmp_path / "i.csv", "item_id,title,rating,weight\n1,X,PG-13,200 g\n2,Y,R,1 kg\n")
    assert read_csv(rows, items).item_table["weight"].to_pylist() == ["200 g", "1 kg"]


def test_csv_blank_lines_before_the_header(tmp_path):
    dataset = read_csv(write(tmp_path / "r.csv", "\n\nuser_id,item_id\na,1\nb,2\n"))
    assert dataset.users.ids.tolist() == ["a", "b"]


def test_csv_words_that_look_missing_stay_words(tmp_path):
    rows = write(tmp_path / "r.csv", "user_id,item_id\n1,NA\n2,null\n")
    items = write(tmp_path / "i.csv", "item_id,title\nNA,None\nnull,nan\n")
    dataset = read_csv(rows, items)
    assert dataset.items.ids.tolist() == ["NA", "null"]
    assert dataset.titles == ["None", "nan"]


def test_csv_numeric_titles_bom_crlf_and_latin(tmp_path):
    rows = write(tmp_path / "r.csv", "\ufeffuser_id,item_id\r\n1,7\r\n2,8\r\n")
    items = write(tmp_path / "i.csv", "item_id,title\n7,1984\n8,Amélie\n", encoding="latin-1")
    assert read_csv(rows).items.ids.tolist() == [7, 8]
    plain = write(tmp_path / "p.csv", "user_id,item_id\n1,7\n2,8\n")
    assert read_csv(plain, items, encoding="latin-1").titles == ["1984", "Amélie"]


def test_csv_dates(tmp_path):
    path = write(
        tmp_path / "r.csv",
        "user_id,item_id,timestamp\n1,7,2020-01-02\n2,8,2020-01-01 10:00:00\n1,8,2021-01-01\n",
    )
    split = read_csv(path).split("global_time", valid=0, test=0.3)
    assert pairs(split.test) == [(1, 8)]


def test_csv_dates_with_zones_and_nanoseconds(tmp_path):
    times = "2020-01-02", "2020-01-02 01:30:00.123456789+02:00", "2020-01-01T23:00Z", "2020-01-01 22:00:00"
    rows = "".join(f"{n % 2},{n},{time}\n" for n, time in enumerate(times))
    dataset = read_csv(write(tmp_path / "r.csv", "user_id,item_id,timestamp\n" + rows))
    found = dataset.interactions.columns["timestamp"].to_numpy()
    hours = (found - found.min()) / np.timedelta64(1, "h")
    np.testing.assert_allclose(hours, [2, 1.5, 1, 0], atol=1e-3)


def test_tsv_quotes_are_ordinary(tmp_path):
    rows = write(tmp_path / "r.tsv", "user_id\titem_id\n1\t7\n2\t8\n")
    items = write(tmp_path / "i.tsv", 'item_id\ttitle\n7\t12" vinyl\n8\t"Quoted"\n')
    assert read_tsv(rows, items).titles == ['12" vinyl', '"Quoted"']


def test_movielens_latest(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,5\n1,20,3.5,6\n2,10,5.0,7\n")
    write(
        tmp_path / "movies.csv",
        'movieId,title,genres\n20,"Net, The (1995)",Crime|Drama\n10,Heat (1995),Action\n30,C,X\n',
    )
    dataset = read_movielens(tmp_path)
    assert pairs(dataset) == [(1, 10), (2, 10)]
    assert dataset.titles == ["Net, The (1995)", "Heat (1995)", "C"]
    assert dataset.item_table.column_names == ["item_id", "title", "genres"]
    assert read_movielens(tmp_path, positive="rating > 3").n_interactions == 3
    assert read_movielens(tmp_path, positive=None).n_interactions == 3


def test_movielens_1m(tmp_path):
    write(tmp_path / "ratings.dat", "1::10::5::100\n2::20::3::200\n2::10::4::300\n")
    write(
        tmp_path / "movies.dat", '10::Léon: The Pro, a "Film" (1994)::Crime\n20::B (1990)::Drama\n', "latin-1"
    )
    write(tmp_path / "users.dat", "1::F::1::10::00123\n2::M::56::16::70072\n")
    dataset = read_movielens(tmp_path)
    assert pairs(dataset) == [(1, 10), (2, 10)]
    assert dataset.titles[0] == 'Léon: The Pro, a "Film" (1994)'
    assert dataset.user_table.to_pylist()[0] == {
        "user_id": 1, "gender": "F", "age": 1, "occupation": 10, "zip_code": "00123",
    }  # fmt: skip
    assert dataset.interactions.columns["timestamp"].to_pylist() == [100, 200, 300]


def test_movielens_100k(tmp_path):
    flags = ["0"] * 19
    action_comedy = "|".join(["0", "1", "0", "0", "0", "1", *flags[6:]])
    write(tmp_path / "u.data", "1\t10\t5\t100\n2\t20\t3\t200\n2\t10\t4\t300\n")
    first = f"10|Misérables, Les (1995)|01-Jan-1995||http://x|{action_comedy}\n"
    write(tmp_path / "u.item", first + "|".join(["20", "B", "", "", "", *flags]) + "\n", "latin-1")
    write(tmp_path / "u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n")
    dataset = read_movielens(tmp_path)
    assert dataset.titles == ["Misérables, Les (1995)", "B"]
    assert dataset.item_table["genres"].to_pylist() == ["Action|Comedy", ""]
    assert dataset.user_table["occupation"].to_pylist() == ["technician", "other"]
    assert pairs(dataset) == [(1, 10), (2, 10)]


def test_recbole(tmp_path):
    folder = tmp_path / "ml"
    write(
        folder / "ml.inter",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t4\t10\n2\t8\t3\t20\n",
    )
    write(
        folder / "ml.item",
        "item_id:token\tmovie_title:token_seq\tyear:token\n7\tToy Story\t1995\n8\t1984\t1984\n",
    )
    write(folder / "ml.user", "user_id:token\tage:token\n1\t24\n2\t53\n")
    dataset = read_recbole(folder, positive="rating >= 3")
    assert dataset.titles == ["Toy Story", "1984"]
    assert pairs(dataset) == [(1, 7), (2, 8)]
    assert dataset.item_table["year"].to_pylist() == ["1995", "1984"]
    assert dataset.interactions.columns["timestamp"].to_pylist() == [10, 20]
    assert read_recbole(folder / "ml.inter").fingerprint == dataset.fingerprint


def test_recbole_with_other_names_and_text_ids(tmp_path):
    write(tmp_path / "b.inter", "uid:token\tisbn:token\n1\t007\n2\t8\n")
    write(tmp_path / "b.item", "isbn:token\tname:token_seq\n8\tB\n007\tA\n")
    dataset = read_recbole(tmp_path, columns={"uid": "user_id", "isbn": "item_id", "name": "title"})
    assert dataset.items.ids.tolist() == ["8", "007"]
    assert pairs(dataset) == [(1, "007"), (2, "8")]


@pytest.mark.parametrize("folder", ["", "cf_data"])
def test_lightgcn_lists(tmp_path, folder):
    write(tmp_path / folder / "train.txt", "0 3 1\n1 2\n\n2 \n")
    write(tmp_path / folder / "valid.txt", "0 0\n")
    write(tmp_path / folder / "test.txt", "1  3\n2 1 0\n")
    dataset = read_lightgcn(tmp_path)
    split = dataset.split("from_column")
    assert pairs(split.train) == [(0, 1), (0, 3), (1, 2)]
    assert pairs(split.valid) == [(0, 0)]
    assert pairs(split.test) == [(1, 3), (2, 0), (2, 1)]
    items = pd.DataFrame({"item_id": range(5), "title": list("ABCDE")})
    assert read_lightgcn(tmp_path, items=items).titles == list("ABCDE")
    alone = read_lightgcn(tmp_path / folder / "train.txt")
    assert alone.fingerprint == dataset.fingerprint


def test_amazon(tmp_path):
    path = tmp_path / "Games.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write(
            "user_id,parent_asin,rating,timestamp\nAE1,B01,5.0,1600000000000\nAE2,0001,2.0,1600000000001\n"
        )
    meta = tmp_path / "meta.jsonl"
    lines = [
        {"parent_asin": "B99", "title": None, "price": 3},
        {"parent_asin": "0001", "title": "Game", "price": "x"},
        {"parent_asin": "B01", "title": "Pad", "details": {"a": 1}},
    ]
    meta.write_text("".join(json.dumps(line) + "\n" for line in lines))
    dataset = read_amazon(path, meta)
    assert dataset.items.ids.tolist() == ["0001", "B01"]
    assert dataset.titles == ["Game", "Pad"]
    assert pairs(dataset) == [("AE1", "B01"), ("AE2", "0001")]
    frame = pd.DataFrame({"item_id": ["B01", "0001"], "title": ["Pad", "Game"]})
    assert pairs(read_amazon(path, frame, positive="rating >= 1")) == pairs(dataset)
    assert not read_amazon(path).has_titles


def test_a_large_csv_round_trips(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"user_id": rng.integers(0, 5000, 200_000), "item_id": rng.integers(0, 900, 200_000)}
    )
    frame.to_csv(tmp_path / "big.csv", index=False)
    assert read_csv(tmp_path / "big.csv").fingerprint == Dataset.from_frame(frame).fingerprint


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    frame = pd.DataFrame(
        {"user_id": [1, 1, 2, 3], "item_id": [7, 8, 7, 9], "country": ["at", "at", "is", "is"]}
    )
    frame.to_parquet(tmp_path / "rows", partition_cols=["country"])
    assert read_parquet(tmp_path / "rows").fingerprint == Dataset.from_frame(frame).fingerprint


def test_recbole_parts_share_the_tables_of_the_whole(tmp_path):
    (tmp_path / "ml.train.inter").write_text("user_id:token\titem_id:token\n1\t5\n2\t6\n")
    (tmp_path / "ml.item").write_text("item_id:token\ttitle:token_seq\n5\tA\n6\tB\n7\tC\n")
    assert read_recbole(tmp_path / "ml.train.inter").titles == ["A", "B", "C"]
    (tmp_path / "ml.train.item").write_text("item_id:token\ttitle:token_seq\n5\tX\n6\tY\n")
    assert read_recbole(tmp_path / "ml.train.inter").titles == ["X", "Y"]


def test_recbole_columns_have_distinct_names(tmp_path):
    (tmp_path / "ml.inter").write_text("user_id:token\titem_id:token\titem_id:float\n1\t5\t1\n")
    with pytest.raises(
        InputError, match=r"ml.inter, line 1: columns must have distinct names, got 'item_id' twice"
    ):
        read_recbole(tmp_path)
