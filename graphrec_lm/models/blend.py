"""Blend: several models' scores, standardised for each person and added with weights chosen on validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, NotFittedError, check_number
from graphrec_lm.kernels import take_rows, weighted_sum
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.fusion import Fusion
from graphrec_lm.models.held_out import validating
from graphrec_lm.models.learned_encoders import with_learned
from graphrec_lm.models.lightgcn import LightGCN
from graphrec_lm.models.people import People
from graphrec_lm.models.plain import is_registered, make, plain_parameters
from graphrec_lm.models.text_ridge import TextRidge
from graphrec_lm.models.transfer import same_encoder
from graphrec_lm.text import DEFAULT_ENCODER, TextEncoder, resolve_encoder
from graphrec_lm.training import Checkpoint
from graphrec_lm.training.callbacks import Callback

Float32 = NDArray[np.float32]

_PEOPLE = 5000  # that validate, at most


class Blend(Recommender):
    """A weighted sum of several models' scores, each standardised for each person.

        score(u, i) = Σ_m w_m · (s_m(u, i) - mean_i s_m(u, i)) / sd_i s_m(u, i)

    Weights are chosen by NDCG@20 on validation, member by member, so that the blend ranks validation at
    least as well as its best member. Without `valid`, a tenth of each user's items is split off to choose
    them and what members choose on validation (the epoch, say), then all are fitted again on everything.
    Callbacks are called in both fits of a member, a checkpoint in the second alone. With a limit of time the
    first chooses other epochs each time: pass `valid` for a checkpoint to go on from.

    `similar_items` and `explain` are those of the first member with a weight that has them; `add_items` needs
    members that can all do it: those without text take the titles as the first member with text reads them.

    Parameters
    ----------
    members : list of Recommender, optional
        Models to fit, left as they are: copies are fitted. None: those of `usual_members`, a
        `TextRidge` and a `LightGCN` of InfoNCE.
    encoder : name, folder, TextEncoder, or list of them
        Of the members of `None`; members that are passed have their own.
    weights : list of float, optional
        One a member; None chooses them.
    seed : int
        Draws the split if there is no `valid`, and the people that validate.
    verbose : bool
        For the members of `None`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = Blend([gl.EASE(), gl.Popularity()]).fit(train, valid=valid)
    >>> len(model.members_), model.weights_.shape
    (2, (2,))
    """

    uses_text = True
    reads_weights = True  # its members speak for themselves

    def __init__(
        self,
        members: Sequence[Recommender] | None = None,
        weights: Sequence[float] | None = None,
        encoder: Any = DEFAULT_ENCODER,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        self.members, self.weights, self.encoder = members, weights, encoder
        self.seed, self.verbose = seed, verbose

    @property
    def members_(self) -> list[Recommender]:
        """Copies of the fitted members: what is changed in them, the blend doesn't see."""
        state, fitted = self._state, []
        for n, note in enumerate(state.notes["members"]):
            model: Recommender = make(note["model"], note["params"])
            prefix = f"{n}."
            arrays = {k.removeprefix(prefix): v for k, v in state.arrays.items() if k.startswith(prefix)}
            own = note["history"], note["notes"], model.get_params()
            model._fitted = Fitted(state.dataset, state.valid, arrays, *own, state.encoders)
            fitted.append(model)
        return fitted

    @property
    def weights_(self) -> Float32:
        """w of each member, float32 [members]."""
        return self._state.arrays["weights"]

    @property
    def validation_(self) -> dict[str, float]:
        """NDCG@20 on validation of the chosen weights ("blend") and of each member alone."""
        return dict(self._state.notes["validation"])

    @property
    def has_epochs(self) -> bool:
        """Whether a member does."""
        return any(member.has_epochs for member in self._members())

    @property
    def exact_for_new_people(self) -> bool:
        """If it is so of all members."""
        members = self._members() if self._fitted is None else self.members_
        return all(member.exact_for_new_people for member in members)

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("seed", self.seed, least=0, integer=True)
        chosen = self._members()
        given = self._given(len(chosen))
        _check_checkpoint(chosen, callbacks)
        learned: tuple[Float32 | None, list[float]] = None, []
        held_out = valid if valid is not None and valid.n_interactions else None
        if self.weights is None and held_out is None:
            train, apart, _ = dataset.split("random", valid=0.1, test=0.0, seed=self.seed)
            if apart.n_interactions:
                limits = [one for one in callbacks if not isinstance(one, Checkpoint)]
                tried = _fit_all(chosen, train, apart, limits)
                learned = self._choose(tried, train, apart)
                chosen = [_again(member) for member in tried]
        fitted = _fit_all(chosen, dataset, valid, callbacks)
        if self.weights is None and held_out is not None:
            learned = self._choose(fitted, dataset, held_out)
        weights, values = learned
        if weights is None:
            weights = np.array(given, dtype=np.float32)
        notes = {
            "members": [_note(member) for member in fitted],
            "validation": dict(zip(["blend", *_names(fitted)], values, strict=False)),
        }
        made = Fitted.of(dataset, valid, _joined(fitted) | {"weights": weights}, notes=notes)
        taught = {one.fingerprint: one for member in fitted for one in member._state.encoders}
        return replace(made, encoders=tuple(taught.values()))

    def _members(self) -> list[Recommender]:
        """The members, or the usual ones."""
        if self.members is None:
            return usual_members(self.encoder, self.seed, self.verbose)
        found = list(self.members) if isinstance(self.members, Sequence) else []
        if len(found) < 2 or not all(isinstance(member, Recommender) for member in found):
            remedy = "Write Blend([TextRidge(), LightGCN()])."
            raise InputError("`members` must be at least two models", repr(self.members), remedy)
        for member in found:
            if not is_registered(type(member)):
                required = "members of a Blend must be models of the library, which it can save"
                raise InputError(required, type(member).__name__, "Add up its scores yourself.")
        return found

    def _given(self, members: int) -> list[float]:
        """The weights that were passed, or equal ones."""
        if self.weights is None:
            return [1.0] * members
        if np.shape(self.weights) != (members,):
            remedy = "Give one weight a member, or None."
            raise InputError(f"`weights` must be {members} numbers", repr(self.weights), remedy)
        for weight in self.weights:
            check_number("weights", weight)
        if not any(self.weights):
            raise InputError("one of the `weights` must not be 0", repr(self.weights), "Raise one.")
        return list(self.weights)

    def _intent_encoder(self, encoder: Any) -> TextEncoder:
        """That of the first member that reads titles; `encoder`, if it is passed, must be the same."""
        for notes, given in _leaves(self._state.notes, self._as_made()):
            if "encoder_fingerprint" in notes:
                return same_encoder(notes, self._encoder_of(notes, given, encoder))
        return super()._intent_encoder(encoder)

    def _kept_titles(self, encoder: TextEncoder) -> Any:
        """Those of the first member that reads titles by this encoder."""
        state = self._state
        for n, note in enumerate(state.notes["members"]):
            if note["notes"].get("encoder_fingerprint") == encoder.fingerprint:
                return state.arrays.get(f"{n}.titles")
        return None

    def _encoder_of(self, notes: dict[str, Any], given: Recommender, encoder: Any) -> Any:
        """A member's own encoder, or `encoder`; of a list of them the one that the member was fitted with."""
        if encoder is None and isinstance(given, Blend):
            parts = _leaves(notes, given._members())
            return [self._encoder_of(own, one, None) for own, one in parts if hasattr(one, "encoder")] or None
        if encoder is None:
            own = getattr(given, "encoder", None)
            return None if own is None else with_learned(resolve_encoder(own), self._state.encoders)
        for one in encoder if isinstance(encoder, list | tuple) else ():
            with suppress(NotFittedError):
                if resolve_encoder(one).fingerprint == notes.get("encoder_fingerprint"):
                    return one
        return encoder

    def _as_made(self) -> list[Recommender]:
        """The unfitted members with their encoders: those that are set now, if of the fitted kinds."""
        kinds = [note["model"] for note in self._state.notes["members"]]
        with suppress(InputError):
            members = self._members()
            if [type(member).__name__ for member in members] == kinds:
                return members
        return type(self)(**self._state.params)._members()

    def _choose(
        self, fitted: list[Recommender], dataset: Dataset, valid: Dataset
    ) -> tuple[Float32, list[float]]:
        people = validating(valid, _PEOPLE, self.seed)
        everyone = People.fitted(dataset, people)

        def scores(start: int, stop: int) -> list[Float32]:
            return [member._scores(everyone.part(start, stop)) for member in fitted]

        held_out = take_rows(valid.indptr, valid.indices, people)
        seen = everyone.indptr, everyone.indices
        return Fusion(scores, dataset.n_items, seen, held_out).best()

    def _scores(self, people: People) -> Float32:
        used = self._used()
        weights = np.tile(np.array([w for w, _ in used], dtype=np.float32), (len(people), 1))
        return weighted_sum([member._scores(people) for _, member in used], weights)

    def _used(self) -> list[tuple[np.float32, Recommender]]:
        """The members that count, with their weights."""
        return [(weight, one) for weight, one in zip(self.weights_, self.members_, strict=True) if weight]

    def _text_scores(self, texts: Float32, titles: Float32) -> Float32:
        """Those of the first member with a weight and a way of its own; else the cosine of text and title."""
        for _, member in self._used():
            if type(member)._text_scores is not Recommender._text_scores:
                return member._text_scores(texts, titles)
        return super()._text_scores(texts, titles)

    def add_items(self, items: Any, *, encoder: Any = None) -> Self:
        """Add items by title alone to every member; see `AddsItems.add_items`.

        Raises
        ------
        NotImplementedError
            If a member, such as `Popularity`, cannot take them; nothing has changed then.
        """
        state = self._state
        members = self.members_
        notes = [note["notes"] for note in state.notes["members"]]
        for member, given, note in zip(members, self._as_made(), notes, strict=True):
            chosen = self._encoder_of(note, given, encoder)
            if not hasattr(given, "encoder") and state.dataset.has_titles:
                chosen = self._intent_encoder(encoder)
                member._titles_of = chosen.fingerprint, state.dataset, self._unit_titles(chosen)
            member.add_items(items, encoder=chosen)
        arrays = _joined(members) | {"weights": state.arrays["weights"]}
        self._fitted = replace(state, dataset=members[0]._state.dataset, arrays=arrays)
        return self

    def _regrown(self, dataset: Dataset) -> Arrays:
        grown: Arrays = {}
        for n, member in enumerate(self.members_):
            grown |= _numbered(n, member._regrown(dataset))
        return grown | {"weights": self.weights_}

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        for _, member in self._used():
            with suppress(NotImplementedError):
                return member._similar(codes, k)
        return super()._similar(codes, k)

    def _contributions(self, person: People, target: int) -> Float32:
        return self._explaining()._contributions(person, target)

    def _sources(self, history: NDArray[np.int32], target: int, values: Float32) -> dict[str, Float32]:
        return self._explaining()._sources(history, target, values)

    def _explaining(self) -> Recommender:
        """The first member with a weight that explains its scores; of a blend within this one its own."""
        for _, member in self._used():
            if isinstance(member, Blend):
                with suppress(NotImplementedError):
                    return member._explaining()
            elif type(member)._contributions is not Recommender._contributions:
                return member
        raise NotImplementedError("no member of this Blend has an exact explanation: see similar_items.")


def usual_members(encoder: Any = DEFAULT_ENCODER, seed: int = 0, verbose: bool = True) -> list[Recommender]:
    """The members of `Blend()`, to be passed with others beside them.

    The ID model learns by InfoNCE against negatives that the batch shares, two hops. The ridge goes without
    near titles, which make it better alone and the blend worse (docs/decisions.md, 98).

    >>> [type(member).__name__ for member in usual_members()]
    ['TextRidge', 'LightGCN']
    """
    ridge = TextRidge(near_strength=0.0, encoder=encoder, seed=seed, verbose=verbose)
    return [ridge, usual_graph(seed, verbose)]


def usual_graph(seed: int = 0, verbose: bool = True) -> LightGCN:
    """The ID model of `usual_members`.

    >>> usual_graph().loss
    'infonce'
    """
    return LightGCN(
        layers=2,
        loss="infonce",
        negatives=1024,
        share_negatives=True,
        epochs=90,
        batch_size="auto",
        learning_rate=3e-3,
        patience=4,
        seed=seed,
        verbose=verbose,
    )


def _fit_all(
    members: list[Recommender], dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]
) -> list[Recommender]:
    """Fitted copies of the members."""
    copies = [type(member)(**member.get_params()) for member in members]
    for copy in copies:
        copy.fit(dataset, valid=valid, callbacks=callbacks if copy.has_epochs else ())
    return copies


def _again(member: Recommender) -> Recommender:
    """A model to be fitted without validation, with what this one's fit chose by it."""
    return type(member)(**member.get_params() | member._settled())


def _check_checkpoint(members: list[Recommender], callbacks: Sequence[Callback]) -> None:
    """A checkpoint is of one run."""
    trained = [type(member).__name__ for member in members if member.has_epochs]
    if len(trained) > 1 and any(isinstance(callback, Checkpoint) for callback in callbacks):
        remedy = "Fit without it, or fit the members one by one."
        raise InputError("a Checkpoint must serve one trained member", ", ".join(trained), remedy)


def _leaves(notes: dict[str, Any], given: list[Recommender]) -> Iterator[tuple[dict[str, Any], Recommender]]:
    """The notes and the unfitted model of every member, those of blends within a blend in their place."""
    for note, member in zip(notes["members"], given, strict=True):
        if isinstance(member, Blend):
            yield from _leaves(note["notes"], member._members())
        else:
            yield note["notes"], member


def _joined(members: list[Recommender]) -> Arrays:
    """The arrays of all members, each named after its number."""
    joined: Arrays = {}
    for n, member in enumerate(members):
        joined |= _numbered(n, member._state.arrays)
    return joined


def _numbered(n: int, arrays: Arrays) -> Arrays:
    return {f"{n}.{name}": array for name, array in arrays.items()}


def _names(fitted: list[Recommender]) -> list[str]:
    """The members' classes, numbered where several are alike."""
    names = [type(member).__name__ for member in fitted]
    return [name if names.count(name) == 1 else f"{name} {n}" for n, name in enumerate(names)]


def _note(member: Recommender) -> dict[str, Any]:
    """What a saved blend keeps of a member besides its arrays."""
    state = member._state
    params = plain_parameters(state.params)
    return {"model": type(member).__name__, "params": params, "history": state.history, "notes": state.notes}
