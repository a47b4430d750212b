"""Recommending by wish and history: what every model can do with an intent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, first_few
from graphrec_lm.kernels import standardised, topk_blocks, unit_rows
from graphrec_lm.models.alpha_rule import VAGUE, AlphaRule, wish_features
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.hidden import Pattern
from graphrec_lm.models.learned_encoders import with_learned
from graphrec_lm.models.mixtures import mixtures_of
from graphrec_lm.models.people import People
from graphrec_lm.models.text import encoded
from graphrec_lm.models.wishes import UNWANTED, Wishes, check_alphas, intent_texts, wish_vectors
from graphrec_lm.text import DEFAULT_ENCODER, TextEncoder, embed, resolve_encoder

Float32 = NDArray[np.float32]


class Intents:
    """Base of models: wishes enter by late fusion of scores; a text model may mix vectors instead.

    What a wish alone scores, a model may say better than its cosine to the titles: item-to-item weights let
    the items of near titles stand for the wish.
    """

    _fitted: Fitted | None
    _titles_of: tuple[str, Dataset, Float32] | None = None
    _phrases_of: tuple[str, Float32] | None = None
    _opened: tuple[Any, TextEncoder] | None = None
    _length_of: tuple[Any, float] | None = None

    def _scores(self, people: People) -> Float32:
        raise NotImplementedError

    def _wished_scores(self, people: People) -> Callable[[Float32], Float32]:
        """Scores of all items for people with wishes, [people, n_items], as a function of their α [people].

        (1 - α) · f(the model's scores) + α · (f(wanted) - ½ f(unwanted)); see `_compressed` for f.
        """
        wishes: Any = people.wishes
        own = _compressed(self._scores(replace(people, wishes=None)))
        wish = _compressed(self._text_scores(wishes.wanted, wishes.titles))
        if wishes.unwanted.any():
            wish -= np.float32(UNWANTED) * _compressed(self._text_scores(wishes.unwanted, wishes.titles))
        return lambda alphas: (1 - alphas[:, None]) * own + alphas[:, None] * wish

    def _text_scores(self, texts: Float32, titles: Float32) -> Float32:
        """Scores of all items for texts, [n, n_items], of unit vectors; here the cosine of text and title."""
        found: Float32 = texts @ titles.T
        return found

    def _text_mixtures(self, texts: Float32, titles: Float32) -> sparse.csr_array:
        """Each text as a mixture of the touched items of near titles, [n, n_items]."""
        return mixtures_of(texts, titles, self._touched(), nearest=300)

    def _touched(self) -> NDArray[np.int32]:
        """Codes of the items that something was learned about: not those that `update` touched first."""
        kept = self._state.arrays.get("touched")
        touched = np.flatnonzero(self._state.dataset.item_counts) if kept is None else kept
        return touched.astype(np.int32)

    def _wished_top(self, people: People, k: int, hidden: Pattern, candidates: Any) -> tuple[Any, Any]:
        """Codes and scores of the k best items of people with wishes."""

        def score(start: int, stop: int) -> Float32:
            part = people.part(start, stop)
            wishes: Any = part.wishes
            return self._wished_scores(part)(wishes.alphas)

        n_items = self._state.dataset.n_items
        return topk_blocks(score, len(people), n_items, k, seen=hidden, candidates=candidates)

    def _with_wishes(self, people: People, intent: Any, alpha: Any, encoder: Any) -> People:
        """These people with their wishes; people without a history have nothing else."""
        texts = intent_texts(intent, len(people))
        automatic = isinstance(alpha, str) and alpha == "auto"
        alphas = np.ones(len(people), dtype=np.float32) if automatic else check_alphas(alpha, len(people))
        chosen = self._intent_encoder(encoder)
        titles = self._unit_titles(chosen)
        rows = titles[:0], titles[:0]
        if texts:
            rows = wish_vectors(texts, chosen, lambda: self._state.dataset.titles)
        wishes = Wishes(*rows, alphas, titles, self._title_length)
        if automatic:
            alphas = self.alpha_rule_.alphas(
                wish_features(replace(people, wishes=wishes), self._vague(chosen))
            )
        alphas = np.where(np.diff(people.indptr) == 0, np.float32(1), alphas)
        return replace(people, wishes=replace(wishes, alphas=alphas))

    def _intent_encoder(self, encoder: Any) -> TextEncoder:
        """What encodes wishes: `encoder`, the model's own, or the default one."""
        from graphrec_lm.models.transfer import same_encoder

        chosen = self._own_encoder() if encoder is None else encoder
        notes = self._state.notes
        return same_encoder(notes, chosen) if "encoder_fingerprint" in notes else resolve_encoder(chosen)

    def _own_encoder(self) -> TextEncoder:
        """What `encoder` stands for, opened once: "tfidf:64" is fitted to its first texts, then stays so."""
        spec = getattr(self, "encoder", DEFAULT_ENCODER)
        if self._opened is None or self._opened[0] is not spec:
            learned = self._fitted.encoders if self._fitted else ()
            self._opened = spec, with_learned(resolve_encoder(spec), learned)
        return self._opened[1]

    def _new_encoder(self) -> tuple[Any, TextEncoder] | None:
        """What a fit opens afresh: nothing learned in an earlier one counts."""
        spec = getattr(self, "encoder", None)
        return None if spec is None else (spec, resolve_encoder(spec))

    def _unit_titles(self, encoder: TextEncoder) -> Float32:
        """Unit vectors of the titles by that encoder, [n_items, d_LM]; kept for the next call."""
        dataset = self._state.dataset
        kept = self._titles_of
        if kept is None or kept[0] != encoder.fingerprint or kept[1] is not dataset:
            rows = self._kept_titles(encoder)
            rows = encoded(dataset.titles, encoder)[0] if rows is None else rows
            self._titles_of = kept = encoder.fingerprint, dataset, unit_rows(rows.astype(np.float32))
        return kept[2]

    @property
    def _title_length(self) -> float:
        """Mean length of the title vectors of the fit, kept for the next call; 1 without them."""
        titles, kept = self._state.arrays.get("titles"), self._length_of
        if titles is None or not len(titles):
            return 1.0
        if kept is None or kept[0] is not titles:
            rows = titles.astype(np.float32)
            self._length_of = kept = titles, float(np.sqrt(np.einsum("ij,ij->i", rows, rows)).mean())
        return kept[1]

    def _kept_titles(self, encoder: TextEncoder) -> Any:
        """Vectors of the titles by that encoder from the fit, or None."""
        return self._state.arrays.get("titles")

    def _vague(self, encoder: TextEncoder) -> Float32:
        """Unit vectors of phrases that say nothing, kept for the next call."""
        if self._phrases_of is None or self._phrases_of[0] != encoder.fingerprint:
            self._phrases_of = encoder.fingerprint, unit_rows(embed(VAGUE, encoder))
        return self._phrases_of[1]

    @property
    def alpha_rule_(self) -> AlphaRule:
        """The rule of `alpha="auto"`: what `learn_alpha` found, or the library's."""
        return AlphaRule.of(self._state.notes.get("alpha_rule"))

    def learn_alpha(self, wishes: Any, *, encoder: Any = None) -> Any:
        """Learn the rule of `alpha="auto"` from people whose wishes were met: the model is not fitted again.

        Parameters
        ----------
        wishes : dataframe
            `user_id, intent, item_id`: what a fitted user said, and the item that they meant, which must not
            be in their history. A few hundred rows are enough. Users without a history are left out:
            they have the intent alone.
        encoder : optional
            As for `recommend`.

        Returns
        -------
        self

        Raises
        ------
        UnknownIdError, InputError
            For unknown ids, empty intents, or fewer than 10 rows of users with a history.
        """
        from graphrec_lm.data.frames import rename, require, to_arrow

        state = self._state
        table = rename(to_arrow(wishes, "wishes")[0], state.dataset.rules.columns, "wishes")
        require(table, ["user_id", "intent", "item_id"], "wishes")
        codes = state.dataset.users.codes(table["user_id"], what="user")
        kept = np.flatnonzero(state.dataset.user_counts[codes])
        if len(kept) < 10:
            required = "`wishes` must have at least 10 rows of users with a history"
            raise InputError(required, len(kept), "Collect more of them.")
        people = People.fitted(state.dataset, codes[kept])
        targets = state.dataset.items.codes(table["item_id"].take(kept))
        _check_unseen(state.dataset, people, targets)
        asked = self._with_wishes(people, table["intent"].take(kept).to_pylist(), 0.0, encoder)
        vague = self._vague(self._intent_encoder(encoder))
        rule = AlphaRule.learned(asked, targets, self._wished_scores, vague)
        self._fitted = replace(state, notes=state.notes | {"alpha_rule": list(rule.weights)})
        return self

    @property
    def _state(self) -> Fitted:
        raise NotImplementedError


def _compressed(scores: Float32) -> Float32:
    """Scores standardised for each person, then sign · log(1 + size): an item must please both sides.

    Without the logarithm an item far ahead on one side would need nothing of the other. Scores that are all
    alike become 0.
    """
    standard = standardised(scores)
    found: Float32 = np.sign(standard) * np.log1p(np.abs(standard))
    return found


def _check_unseen(dataset: Dataset, people: People, targets: NDArray[np.int32]) -> None:
    owners = np.repeat(np.arange(len(people)), np.diff(people.indptr))
    seen = np.unique(owners[people.indices == targets[owners]])
    if len(seen):
        found = f"{first_few(dataset.items.ids[targets[seen]].tolist(), len(seen))} in it"
        raise InputError("items that were meant must not be in the history", found, "Leave these rows out.")
