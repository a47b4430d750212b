"""Dataset: who touched what, in codes, with the tables and the ids beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from graphrec_lm.data import growing, narrowing, statistics
from graphrec_lm.data.codes import check_lengths, check_table, checked_codes, checked_weights, id_table
from graphrec_lm.data.edges import Edges, merge_pairs
from graphrec_lm.data.fingerprint import content_hash
from graphrec_lm.data.frames import check_mapping, native, rename, to_arrow
from graphrec_lm.data.idmap import IdMap
from graphrec_lm.data.ids import frozen
from graphrec_lm.data.interactions import Interactions
from graphrec_lm.data.positive import PositiveRule
from graphrec_lm.data.reading import Rules, check_edges, check_rows, read_rows, read_universe
from graphrec_lm.errors import InputError, check_choice, did_you_mean

if TYPE_CHECKING:
    from graphrec_lm.data.splits import Split


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Interactions of users with items, frozen. Make one with `from_frame`, a reader or `load_dataset`.

    Attributes
    ----------
    users, items : IdMap
        External ids <-> codes.
    indptr, indices : int64 [n_users + 1], int32 [n_interactions]
        The positive pairs as compressed sparse rows; items ascend within a user; repeated pairs are one.
    weights : float32 [n_interactions] or None
        Sums of the column `weight` over the rows of a pair.
    interactions : Interactions
        Every row given, positive or not, with its other columns.
    item_table, user_table : pyarrow.Table
        In code order; first column `item_id` or `user_id`. `user_table` may be None.
    backend : str
        "pandas", "polars" or "pyarrow": the library of the frame it was made from.
    rules : Rules
        The renaming and the positive rule it was read with; `align` reads frames by them.
    """

    users: IdMap
    items: IdMap
    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray | None
    interactions: Interactions
    item_table: pa.Table
    user_table: pa.Table | None = None
    backend: str = "pandas"
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        for name in ("indptr", "indices", "weights"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def from_frame(
        cls,
        interactions: Any,
        items: Any = None,
        users: Any = None,
        *,
        columns: Mapping[str, str] | None = None,
        positive: str | None = None,
    ) -> Dataset:
        """Make a Dataset from dataframes (pandas, polars, pyarrow: what narwhals understands).

        Parameters
        ----------
        interactions : dataframe
            `user_id`, `item_id` (integers or texts) and any other columns. `weight` gives the weights of the
            edges (finite, > 0); `rating` is no weight.
        items : dataframe, optional
            `item_id`, `title` and any other columns. Its rows are the item universe and give the codes; items
            that nobody touched are legal. Without it: the touched items, sorted.
        users : dataframe, optional
            `user_id` and any other columns, in the same way.
        columns : mapping, optional
            Your column names -> the names above, as in `DataFrame.rename`; it holds for all three frames.
        positive : str, optional
            Which rows are edges, e.g. "rating >= 4"; a null never is. Default: every row.

        Notes
        -----
        Rows of one pair are merged into one edge; their weights are summed.

        Raises
        ------
        InputError
            On missing columns, null, empty, duplicate or unlisted ids, missing titles, bad weights, fewer
            than 2 users or items, or no positive row.

        Examples
        --------
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"user_id": ["ann", "ann", "bob"], "item_id": [2, 1, 2], "rating": [5, 4, 1]})
        >>> dataset = Dataset.from_frame(rows, positive="rating >= 4")
        >>> dataset.n_users, dataset.n_items, dataset.n_interactions
        (2, 2, 2)
        """
        rows, backend = to_arrow(interactions, "interactions")
        item_table = None if items is None else to_arrow(items, "items")[0]
        user_table = None if users is None else to_arrow(users, "users")[0]
        mapping = check_mapping(columns, [t for t in (rows, item_table, user_table) if t is not None])
        rules = Rules(mapping, None if positive is None else PositiveRule.parse(positive))
        rows = rename(rows, mapping, "interactions")
        check_rows(rows)
        user_ids, user_table, user_codes = read_universe(rows, user_table, "user", mapping)
        item_ids, item_table, item_codes = read_universe(rows, item_table, "item", mapping)
        shape = (len(user_ids), len(item_ids))
        kept, edges = read_rows(rows, user_codes, item_codes, shape, rules.positive)
        check_edges(edges, rules.positive, rows.num_rows)
        item_table = id_table("item_id", item_ids) if item_table is None else item_table
        return cls(user_ids, item_ids, *edges, kept, item_table, user_table, backend, rules)

    @classmethod
    def from_codes(
        cls,
        users: IdMap,
        items: IdMap,
        user_codes: np.ndarray,
        item_codes: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        item_table: pa.Table | None = None,
        user_table: pa.Table | None = None,
        backend: str = "pandas",
        rules: Rules | None = None,
    ) -> Dataset:
        """Rebuild a Dataset from pairs of codes, int [n] each; every pair is an edge, repeated ones merge.

        Raises
        ------
        InputError
            If codes are out of range, lengths differ, or a table has another number of rows.

        Examples
        --------
        >>> Dataset.from_codes(IdMap([7, 8]), IdMap(["a", "b"]), [0, 1], [1, 1]).indices
        array([1, 1], dtype=int32)
        """
        user_codes = checked_codes(user_codes, len(users), "user")
        item_codes = checked_codes(item_codes, len(items), "item")
        weights = checked_weights(weights)
        check_lengths(user_codes, item_codes, weights)
        check_table(item_table, len(items), "item")
        check_table(user_table, len(users), "user")
        edges = merge_pairs(user_codes, item_codes, weights, len(users), len(items))
        rows = Interactions(user_codes, item_codes, np.ones(len(user_codes), dtype=bool), pa.table({}))
        table = id_table("item_id", items) if item_table is None else item_table
        return cls(users, items, *edges, rows, table, user_table, backend, rules or Rules())

    @property
    def n_users(self) -> int:
        """Number of users, with or without interactions."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items, touched or not."""
        return len(self.items)

    @property
    def n_interactions(self) -> int:
        """Number of edges: distinct positive pairs."""
        return len(self.indices)

    @property
    def edges(self) -> Edges:
        """The CSR arrays as one tuple."""
        return Edges(self.indptr, self.indices, self.weights)

    @cached_property
    def user_counts(self) -> np.ndarray:
        """Edges of each user, int64 [n_users]."""
        return frozen(np.diff(self.indptr))

    @cached_property
    def item_counts(self) -> np.ndarray:
        """Edges of each item, int64 [n_items]."""
        return frozen(np.bincount(self.indices, minlength=self.n_items))

    @property
    def has_titles(self) -> bool:
        """Whether the item table has a column `title`."""
        return "title" in self.item_table.column_names

    @property
    def titles(self) -> list[str]:
        """The titles in code order; InputError if the Dataset was made without them."""
        if not self.has_titles:
            remedy = "Give an item table with `item_id` and `title`. " + did_you_mean(
                "title", self.item_table.column_names
            )
            raise InputError("the item table must have a column 'title'", "none of that name", remedy)
        return self.item_table["title"].to_pylist()

    @cached_property
    def fingerprint(self) -> str:
        """Hex hash of the content: user and item ids in code order, edges, weights and titles.

        The order of the interaction rows and the library of the frame don't matter, nor do other columns;
        the row order of an item or user table does, as it gives the codes.
        """
        titles = self.titles if self.has_titles else None
        return content_hash([self.users.ids, self.items.ids, *self.edges, titles])

    def to_frame(self) -> Any:
        """The positive pairs as a frame `user_id, item_id` and, if there are any, `weight`.

        In the order of `edges`: users by code, a user's items by code. A rule that says which rows count has
        been applied: read the frame by `Dataset.from_frame` without `positive`.

        Examples
        --------
        >>> Dataset.from_codes(IdMap([7, 8]), IdMap([1, 2]), [0, 1], [1, 1]).to_frame().values.tolist()
        [[7, 2], [8, 2]]
        """
        columns = {"user_id": self.users.ids[self.edges.users], "item_id": self.items.ids[self.indices]}
        return self.frame(columns if self.weights is None else columns | {"weight": self.weights})

    def to_csr(self) -> csr_array:
        """The positive pairs as float32 csr_array [n_users, n_items] of weights, or of ones.

        Rows and columns are in the order of `users.ids` and `items.ids`, for other libraries to read.

        Examples
        --------
        >>> Dataset.from_codes(IdMap([7, 8]), IdMap([1, 2]), [0, 1], [1, 1]).to_csr().toarray()
        array([[0., 1.],
               [0., 1.]], dtype=float32)
        """
        values = np.ones(self.n_interactions, np.float32) if self.weights is None else self.weights.copy()
        shape = self.n_users, self.n_items
        return csr_array((values, self.indices.copy(), self.indptr.copy()), shape=shape)

    def frame(self, columns: Mapping[str, np.ndarray | list[Any]]) -> Any:
        """Return these columns as a frame in the library that the Dataset was made from."""
        types = self.frame_types
        return native(columns, self.backend, types | {"target_item_id": types["item_id"]})

    @property
    def frame_types(self) -> dict[str, pa.DataType]:
        """Arrow types of the columns `user_id`, `item_id` and `title` of frames: an empty one can't tell."""
        ids = {"user_id": self.users, "item_id": self.items}
        return {name: pa.array(known.ids[:1]).type for name, known in ids.items()} | {"title": pa.string()}

    def restrict_items(self, ids: Any) -> Dataset:
        """Return the Dataset on these items alone; their order stays, users stay, other rows go.

        Raises
        ------
        UnknownIdError
            If an id is not an item of the Dataset.
        InputError
            If fewer than 2 items would be left.
        """
        return narrowing.restrict_items(self, ids)

    def with_items(self, items: Any) -> Dataset:
        """Return the Dataset with more items that nobody touched; codes of what it has stay.

        Parameters
        ----------
        items : dataframe
            `item_id`, `title` if the Dataset has titles, and any of the item table's other columns; it is
            read by this Dataset's `columns`.

        Raises
        ------
        InputError
            If an id is there already, is not of the kind of the others, or has no title.

        Examples
        --------
        >>> dataset = Dataset.from_codes(IdMap([7, 8]), IdMap([1, 2]), [0, 1], [1, 1])
        >>> dataset.with_items(pa.table({"item_id": [9]})).items.ids
        array([1, 2, 9])
        """
        return growing.with_items(self, items)

    def with_interactions(self, interactions: Any, *, on_unknown: str = "raise") -> Dataset:
        """Return the Dataset with more interactions; users it lacks are added, sorted, after its own.

        Parameters
        ----------
        interactions : dataframe
            Read by this Dataset's `columns` and `positive` rules. Pairs that are there already merge; without
            rows this Dataset comes back.
        on_unknown : {"raise", "drop"}
            What to do with rows of items that this Dataset lacks.

        Raises
        ------
        UnknownIdError
            If there are such rows and they are not to be dropped: add the items first by `with_items`.
        InputError
            On missing columns, bad ids or weights.

        Examples
        --------
        >>> dataset = Dataset.from_codes(IdMap([7, 8]), IdMap([1, 2]), [0, 1], [1, 1])
        >>> grown = dataset.with_interactions(pa.table({"user_id": [5], "item_id": [1]}))
        >>> grown.users.ids, grown.indices
        (array([7, 8, 5]), array([1, 1, 0], dtype=int32))
        """
        return growing.with_interactions(self, interactions, on_unknown)

    def align(self, other: Any, *, on_unknown: str = "raise") -> Dataset:
        """Return `other`, a Dataset or a frame, as a Dataset that shares this one's IdMaps and tables.

        A Dataset with equal IdMaps comes back as it is. A frame is read by this Dataset's `columns` and
        `positive` rules; it may hold no positive row.

        Parameters
        ----------
        other : Dataset or dataframe
        on_unknown : {"raise", "drop"}
            What to do with rows that name a user or an item that this Dataset lacks.

        Raises
        ------
        UnknownIdError
            If there are such rows and they are not to be dropped; in any case if the ids are integers where
            this Dataset has texts, or the other way round.
        """
        check_choice("on_unknown", on_unknown, ("raise", "drop"))
        if not isinstance(other, Dataset):
            return narrowing.align_frame(self, other, on_unknown)
        if self.users == other.users and self.items == other.items:
            return other
        return narrowing.align_dataset(self, other, on_unknown)

    def split(self, method: str = "random", **options: Any) -> Split:
        """Split by "random", "leave_last_out", "global_time" or "from_column"; see `graphrec_lm.data.splits`.

        Raises
        ------
        InputError
            On an unknown method or option.
        """
        from graphrec_lm.data.splits import split

        return split(self, method, **options)

    def __repr__(self) -> str:
        return statistics.as_text(self)

    def _repr_html_(self) -> str:
        return statistics.as_html(self)
