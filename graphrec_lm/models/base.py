"""Recommender: everything a user calls; a model adds how it fits and how it scores."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, NotFittedError, check_choice, check_number
from graphrec_lm.kernels import topk_blocks
from graphrec_lm.kernels.topk import block_rows
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models import frames
from graphrec_lm.models.datasets import checked_datasets
from graphrec_lm.models.device import training_device
from graphrec_lm.models.evaluation import Evaluation
from graphrec_lm.models.explanations import Explains
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.hidden import Pattern, Shown
from graphrec_lm.models.intents import Intents
from graphrec_lm.models.learned_encoders import learned_parts
from graphrec_lm.models.nobodies import most_popular
from graphrec_lm.models.params import Parameters
from graphrec_lm.models.people import UNKNOWN_POLICIES, People, are_pairs, known_codes
from graphrec_lm.models.relevant import relevant_items, tell_of_nobodies
from graphrec_lm.models.reranking import top_of
from graphrec_lm.models.unsupported import Unsupported
from graphrec_lm.models.wishes import intent_texts, of_kept
from graphrec_lm.products import fast_products
from graphrec_lm.training.callbacks import Callback, EpochRecord

Float32 = NDArray[np.float32]
logger = logging.getLogger("graphrec_lm")

_PAIRS = 4096  # scored together


class Recommender(Parameters, Intents, Explains, Unsupported):
    """Base of all models. A model writes `_fit`, `_scores` and, if it can, `_similar`."""

    uses_text: ClassVar[bool] = False
    runs_on_cuda: ClassVar[bool] = False
    reads_weights: ClassVar[bool] = False
    _fitted: Fitted | None = None

    @property
    def has_epochs(self) -> bool:
        """Whether it trains by epochs, after each of which callbacks are called."""
        return False

    @abstractmethod
    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        """Learn from `dataset`; `valid` selects epochs and is in nothing else."""

    @abstractmethod
    def _scores(self, people: People) -> Float32:
        """Scores of all items for a block of people, float32 [people, n_items]."""

    def _top(self, people: People, k: int, hidden: Pattern, candidates: Any) -> tuple[Any, Any]:
        """Codes and scores of the k best items of each person; see `kernels.topk`."""

        def score(start: int, stop: int) -> Float32:
            return self._scores(people.part(start, stop))

        n_items = self._state.dataset.n_items
        return topk_blocks(score, len(people), n_items, k, seen=hidden, candidates=candidates)

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        raise NotImplementedError(f"{type(self).__name__} has no notion of similar items: use TitleCosine.")

    def _settled(self) -> dict[str, Any]:
        """What this fit chose on validation, as parameters for a fit without it."""
        return {}

    @property
    def _result(self) -> Fitted:
        """What the fit left, be it of one dataset or of several."""
        if self._fitted is None:
            name = type(self).__name__
            raise NotFittedError(f"this {name} must be fitted first, got a new one. Call fit(dataset).")
        return self._fitted

    @property
    def _state(self) -> Fitted:
        """What the fit left of its one dataset."""
        state = self._result
        if "domains" in state.notes:
            found = f"one fitted on {state.notes['domains']}"
            raise NotFittedError(f"this must be a model of one dataset, got {found}. Call adapt(dataset).")
        return state

    @property
    def exact_for_new_people(self) -> bool:
        """Whether `history=` gives what a fitted user of that history gets."""
        return True

    @property
    def dataset_(self) -> Dataset:
        """The Dataset that was fitted."""
        return self._state.dataset

    @property
    def history_(self) -> list[EpochRecord]:
        """Training history: `epoch`, `seconds`, `loss` and `valid_ndcg@20` where it was measured."""
        return self._result.history

    @fast_products()
    def fit(
        self, dataset: Any, *, valid: Any = None, init: Any = None, callbacks: Iterable[Callback] = ()
    ) -> Self:
        """Fit to a Dataset; a second fit starts afresh, a failed one leaves the model as it was.

        Parameters
        ----------
        dataset : Dataset
        valid : Dataset or dataframe, optional
            Held-out interactions of the same users and items. Selects the epoch; it is never in
            the graph, the histories, the popularity or the fit.
        init : Recommender, optional
            For models that can start from another; see `TowerRecommender.fit`, which takes several
            datasets, too.
        callbacks : iterable of Callback
            For models that train by epochs (`has_epochs`).

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a parameter is out of range, or the data is not what the model needs.
        """
        if init is not None:
            self._check_start(init)
        training_device(getattr(self, "device", "cpu"), type(self).__name__, self.runs_on_cuda)
        datasets, aligned = checked_datasets(dataset, valid)
        if not self.reads_weights and any(one.weights is not None for one in datasets):
            logger.warning("%s reads no weights: every pair counts as one; IALS does", type(self).__name__)
        callbacks = _checked_callbacks(callbacks)
        if callbacks and not self.has_epochs:
            logger.warning("%s has no epochs: its callbacks are not called", type(self).__name__)
        before = self._opened
        try:
            self._opened = self._new_encoder()
            if isinstance(dataset, list | tuple):
                fitted = self._fit_domains(datasets, aligned, callbacks)
            else:
                fitted = self._fit(datasets[0], aligned[0], callbacks)
            before = self._opened
        finally:
            self._opened = before
        learned = learned_parts(self._opened[1]) if self._opened else ()
        self._fitted = replace(fitted, params=self.get_params(), encoders=fitted.encoders + learned)
        return self

    def recommend(
        self,
        users: Any = None,
        k: int = 10,
        *,
        history: Any = None,
        intent: Any = None,
        alpha: Any = 0.3,
        encoder: Any = None,
        filter_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
        on_unknown: str = "raise",
    ) -> Any:
        """Recommend `k` items to each user.

        Parameters
        ----------
        users : list of ids, optional
            Fitted users; None is everyone (or nobody, if `history` is given).
        k : int
            Items a user, at most.
        history : list of lists of item ids, optional
            New people, one list each; their `user_id` is 0, 1, ... A model that reads weights takes
            mappings, too, from item id to weight.
        intent : str or list of str, optional
            What they say they want: one text for all, or one a person. What stands after "not" or "without"
            counts against an item: "a space opera, not horror"; a title of the catalogue, or one in quotes,
            is taken whole. Without `users` and `history`: a pure search, one list a text.
        alpha : float, list of float, or "auto"
            Weight of the intent, from 0 to 1 (the intent alone), one for all or one a person; "auto" looks
            at how specific each is (see `learn_alpha`). Somebody without a history has the intent alone.
        encoder : optional
            Encodes intents instead of the model's own encoder; needed by a model without titles in it
            unless the default one is meant.
        filter_seen : bool
            Hide each user's fitted (or given) history.
        candidates : list of item ids, dataframe `user_id, item_id`, or mapping of users to lists, optional
            Show only these, to everyone or to each user: the latter ranks the lists of a stage before.
        exclude : list of item ids, dataframe `user_id, item_id`, or mapping of users to lists, optional
            Hide these from everyone, or from these users.
        on_unknown : {"raise", "drop"}
            What to do with unknown ids in any of these. Whose every item is unknown has no history then.

        Returns
        -------
        dataframe
            `user_id, item_id, title, rank, score` in the library of the fitted frame; `title` only
            if the Dataset has titles. Best first; equal scores in the order of the item table. Somebody
            without a history or an intent, to whom a model gives equal scores, has the most popular first.

        Raises
        ------
        NotFittedError, UnknownIdError, InputError
        """
        dataset = self._state.dataset
        check_number("k", k, least=1, integer=True)
        check_choice("on_unknown", on_unknown, UNKNOWN_POLICIES)
        if users is not None and history is not None:
            raise InputError("give either `users` or `history`", "both", "Call recommend twice.")
        if history is not None:
            people = People.by_history(dataset, history, on_unknown, weighted=self.reads_weights)
        elif users is not None:
            codes = known_codes(dataset.users, users, "user", on_unknown, keep=True)
            people = People.fitted(dataset, codes[codes >= 0])
            intent, alpha = of_kept(intent, codes >= 0), of_kept(alpha, codes >= 0)
        elif intent is not None:
            people = People.without_history(len(intent_texts(intent, None)))
        else:
            people = People.by_id(dataset, None, on_unknown)
        if intent is not None:
            people = self._with_wishes(people, intent, alpha, encoder)
        shown = Shown.to(dataset, people, filter_seen, candidates, exclude, on_unknown)
        return frames.recommendations(dataset, people.ids, *self._ranked(people, k, shown))

    def _ranked(self, people: People, k: int, shown: Shown) -> tuple[Any, Any]:
        """Codes and scores of the k best items of each person that may be shown."""
        k = min(k, self._state.dataset.n_items)
        codes, scores = self._ranked_by_score(people, k, shown)
        nobody = np.flatnonzero(np.diff(people.indptr) == 0).astype(np.int32)
        if people.wishes is None and len(nobody):
            silent = self._scores(People.without_history(1))[0]
            is_same = ((scores[nobody] == silent[0]) | (codes[nobody] < 0)).all(axis=1)
            if silent.min() == silent.max() and is_same.any():  # the model has nothing to say of these
                nobody = nobody[is_same]
                popularity = self._state.dataset.item_counts.astype(np.float32)
                codes[nobody] = most_popular(popularity, nobody, shown, k)
        return codes, scores

    def _ranked_by_score(self, people: People, k: int, shown: Shown) -> tuple[Any, Any]:
        n_items = self._state.dataset.n_items
        if shown.own is None:
            rank = self._top if people.wishes is None else self._wished_top
            return rank(people, k, shown.hidden, shown.allowed)

        def score(start: int, stop: int) -> Float32:
            part = people.part(start, stop)
            if part.wishes is None:
                return self._scores(part)
            return self._wished_scores(part)(part.wishes.alphas)

        return top_of(score, shown.own, n_items, k, shown.hidden)

    def update(self, interactions: Any, *, on_unknown: str = "raise") -> Self:
        """Add interactions, new users among them, without a fit: what was learned about items stays.

        Histories grow, so that lists change and hide what was touched since; users have the vectors that
        their histories give them now. `Popularity`, `TextGCN` and a `WhiteGCN` of given weight are then what
        a fit on everything gives, `AlphaRec`, `TextGCNMLP` and `AlphaFree` what `adapt` gives; item-to-item
        weights stay, and an ID model serves those whose histories changed as new people with these. Fit
        again from time to time.

        Parameters
        ----------
        interactions : dataframe
            As for `Dataset.with_interactions`, whose errors it raises; the model then stays as it was.
        on_unknown : {"raise", "drop"}
            What to do with rows of items that were not fitted: see `add_items` for a way to keep them.

        Returns
        -------
        self
        """
        state = self._state
        dataset = state.dataset.with_interactions(interactions, on_unknown=on_unknown)
        self._fitted = state.grown(dataset, self._regrown(dataset))
        return self

    def _regrown(self, dataset: Dataset) -> Arrays:
        """The arrays, once `dataset` has more interactions or users; what was learned about items stays."""
        return self._state.arrays | {"touched": self._touched()}

    def recommend_batch(
        self,
        path: str | os.PathLike[str],
        k: int = 10,
        *,
        users: Any = None,
        filter_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
        on_unknown: str = "raise",
        verbose: bool = True,
    ) -> None:
        """Write `recommend` to a Parquet file, block by block.

        Parameters
        ----------
        path : path
            Replaced atomically; nothing is left if the run is stopped.
        k, users, filter_seen, candidates, exclude, on_unknown
            As for `recommend`; by default for everyone.
        verbose : bool
            Show progress.
        """
        check_number("k", k, least=1, integer=True)
        check_choice("on_unknown", on_unknown, UNKNOWN_POLICIES)
        dataset = self._state.dataset
        asked = People.by_id(dataset, users, on_unknown)
        shown = Shown.to(dataset, asked, filter_seen, candidates, exclude, on_unknown)

        def block(start: int, stop: int) -> tuple[Any, Any, Any]:
            people = asked.part(start, stop)
            return people.ids, *self._ranked(people, k, shown.part(start, stop))

        frames.stream_to_parquet(dataset, path, block, len(asked), verbose)

    def similar_items(self, items: Any, k: int = 10, *, on_unknown: str = "raise") -> Any:
        """The `k` items most similar to each of `items`, itself left out.

        Parameters
        ----------
        items : list of item ids
        k : int
        on_unknown : {"raise", "drop"}

        Returns
        -------
        dataframe
            `item_id, target_item_id, title, rank, score`: for each item asked about, the targets, best
            first, with the title of the target and the similarity: a cosine, or an item-to-item weight.

        Raises
        ------
        NotImplementedError
            For a model that knows no similarity.
        """
        dataset = self._state.dataset
        check_number("k", k, least=1, integer=True)
        codes = frames.known_items(dataset, items, on_unknown)
        found, scores = self._similar(codes, min(k, dataset.n_items))
        return frames.similar(dataset, codes, found, scores)

    def predict(self, pairs: Any, *, on_unknown: str = "raise", leave_out: bool = False) -> Float32:
        """Scores of (user, item) pairs.

        Parameters
        ----------
        pairs : dataframe, or iterable of (user_id, item_id)
            Columns `user_id, item_id`, or what the fitted Dataset's `columns` call so.
        on_unknown : {"raise", "nan"}
            What to do with a pair of an unknown user or item: its score is NaN, or it is an error.
        leave_out : bool
            A pair that was fitted gets the score that it would have were the item not in the user's history
            (what was learned stays): fit for features of another model, whose training rows are these pairs.

        Returns
        -------
        float32 array [n]

        Raises
        ------
        UnknownIdError, InputError
            InputError if `leave_out` is asked of a model that is not `exact_for_new_people`.
        """
        dataset = self._state.dataset
        check_choice("on_unknown", on_unknown, ("raise", "nan"))
        users, items = frames.pair_codes(dataset, pairs, "raise" if on_unknown == "raise" else "drop")
        scores = np.full(len(users), np.nan, dtype=np.float32)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        if leave_out:
            if not self.exact_for_new_people:
                required = "`leave_out` needs a model that is exact for new people"
                raise InputError(required, type(self).__name__, "Use e.g. AlphaRec, TextRidge or IALS.")
            fitted = known[are_pairs(dataset, users[known], items[known])]
            scores[fitted] = self._left_out(users[fitted], items[fitted])
            known = np.setdiff1d(known, fitted)
        asked, rows = np.unique(users[known], return_inverse=True)
        scores[known] = self._scores_of(People.fitted(dataset, asked), rows, items[known])
        return scores

    def _left_out(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> Float32:
        """Scores of fitted pairs, each from the user's history without the item."""
        scores = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), _PAIRS):
            part = slice(start, start + _PAIRS)
            people = People.without(self._state.dataset, users[part], items[part])
            scores[part] = self._scores_of(people, np.arange(len(people)), items[part])
        return scores

    def _scores_of(self, people: People, rows: NDArray[np.int64], items: NDArray[np.int32]) -> Float32:
        """Scores of pairs of a person, by their place among `people`, and an item."""
        out, order = np.empty(len(items), dtype=np.float32), np.argsort(rows, kind="stable")
        size = block_rows(self._state.dataset.n_items)
        for start in range(0, len(people), size):
            at = order[np.searchsorted(rows[order], start) : np.searchsorted(rows[order], start + size)]
            scores = self._scores(people.part(start, min(start + size, len(people))))
            out[at] = scores[rows[at] - start, items[at]]
        return out

    def evaluate(
        self,
        test: Any,
        *,
        k: int | Sequence[int] = 20,
        metrics: Sequence[str] = ("recall", "ndcg", "hit_rate"),
        candidates: Any = None,
        on_unknown: str = "raise",
        on_fitted: str = "raise",
    ) -> Evaluation:
        """Rank all items for every user with test items; fitted and validation items are hidden.

        Parameters
        ----------
        test : Dataset or dataframe
            Held-out interactions of the fitted users and items. A frame is read by the `columns` and
            `positive` rules of the fitted Dataset. The `valid` given to fit may be evaluated too.
        k : int, or list of int
            Cut-offs; several are measured on one ranking.
        metrics : sequence of str
            Of recall, precision, ndcg, hit_rate, mrr, map.
        candidates : list of item ids, dataframe `user_id, item_id`, or mapping of users to lists, optional
            Only these are ranked, for everyone or for each user, and only they count as relevant.
        on_unknown : {"raise", "drop"}
            What to do with interactions, and candidates, of users or items that were not fitted.
        on_fitted : {"raise", "drop"}
            What to do with interactions that were fitted: they can't be ranked.

        Returns
        -------
        Evaluation
            Mapping "ndcg@20" -> mean over users; `.per_user` has the values.

        Raises
        ------
        InputError
            If `test` has no positive interaction (of a candidate), or holds fitted ones.
        """
        state = self._state
        cuts = list(k) if isinstance(k, Iterable) else [k]
        if not cuts:
            raise InputError("`k` must be a cut-off, or several", repr(k), "Write k=20.")
        for cut in cuts:
            check_number("k", cut, least=1, integer=True)
        longest = max(cuts)
        rules = candidates, on_unknown, on_fitted
        people, relevant, shown = relevant_items(state.dataset, state.valid, test, *rules)
        tell_of_nobodies(type(self).__name__, people)
        top = self._ranked(people, longest, shown)[0]
        padded = np.pad(top, ((0, 0), (0, max(0, longest - top.shape[1]))), constant_values=-1)
        found: dict[str, NDArray[np.float64]] = {}
        for cut in cuts:
            found |= ranking_metrics(padded[:, :cut], *relevant, k=cut, metrics=metrics)
        return Evaluation(found, people.ids, padded)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a folder of JSON, safetensors and Parquet; an older model there is replaced whole."""
        from graphrec_lm.models.persistence import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load a saved model of this class.

        Raises
        ------
        InputError
            If the folder is damaged, from a newer version, or holds another class.
        """
        from graphrec_lm.models.persistence import load

        model = load(path)
        if not isinstance(model, cls):
            remedy = f"Use {type(model).__name__}.load or graphrec_lm.load."
            raise InputError(f"{path} must hold a saved {cls.__name__}", f"a {type(model).__name__}", remedy)
        return model


def _checked_callbacks(callbacks: Any) -> list[Callback]:
    found = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    wrong = [one for one in found if not isinstance(one, Callback)]
    if wrong or isinstance(callbacks, Callback):
        remedy = "Write callbacks=[TimeLimit(60)]; your own are subclasses of Callback."
        raise InputError("`callbacks` must be a list of Callbacks", repr((wrong or found)[0]), remedy)
    return found
