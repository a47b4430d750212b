"""One fit: the model, how long it took, how good it is on validation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from comparing.domains import Domain
from graphrec_lm.models import MODELS, Recommender
from graphrec_lm.training import Callback, TimeLimit, TrainingState

VALID = "valid_ndcg@20"


class Fit(NamedTuple):
    """A fitted model and what is known without test.

    Attributes
    ----------
    model : Recommender
    seconds : float
    valid : float
        NDCG@20 on validation: of the best epoch, or of the closed form.
    history : list of dict
        `epoch`, `seconds` and validation, where it was measured.
    epochs : int
    limited : bool
        Whether the time limit ended the training.
    weights : int
        Numbers that were learned.
    trained : bool
        Whether the training loop ran, in a member of a blend, too.
    """

    model: Recommender
    seconds: float
    valid: float
    history: list[dict[str, float]]
    epochs: int
    limited: bool
    weights: int
    trained: bool


class _Weights(Callback):
    """Counts the parameters that the loop trains."""

    count: int | None = None

    def on_fit_start(self, state: TrainingState) -> None:
        self.count = sum(weight.numel() for weight in state.learner.parameters())


def fit(
    domain: Domain,
    model: str,
    params: Mapping[str, Any],
    encoder: Any,
    seed: int,
    seconds: float,
    sources: Sequence[Domain] = (),
) -> Fit:
    """Fit a model by name on the training part; validation selects epochs and is scored.

    With sources it is fitted on their training parts, their validation selects, and it is adapted to the
    domain; its encoder must know all their titles.
    """
    made = MODELS[model](**params)
    given = {"seed": seed, "encoder": encoder} if MODELS[model].uses_text else {"seed": seed}
    made.set_params(**given)
    limit, counter = TimeLimit(seconds), _Weights()
    started = time.perf_counter()
    if sources:
        made = _carried(made, sources, [limit, counter]).adapt(domain.split.train, valid=domain.split.valid)
    else:
        made.fit(
            domain.split.train,
            valid=domain.split.valid,
            callbacks=[limit, counter] if made.has_epochs else [],
        )
    elapsed = time.perf_counter() - started
    kept = ("epoch", "seconds", VALID)
    history = [{key: record[key] for key in kept} for record in made.history_ if VALID in record]
    if history and not sources:
        valid = max(record[VALID] for record in history)
    else:
        valid = made.evaluate(domain.split.valid, k=20, metrics=("ndcg",))["ndcg@20"]
    trained = counter.count is not None
    weights = counter.count if trained and not hasattr(made, "members_") else _learned(made)
    return Fit(made, elapsed, valid, history, len(made.history_), limit.reached, weights, trained)


def _carried(model: Recommender, sources: Sequence[Domain], callbacks: Sequence[Callback]) -> Any:
    """The model, fitted on one or several other domains."""
    train, valid = [s.split.train for s in sources], [s.split.valid for s in sources]
    if len(sources) == 1:
        return model.fit(train[0], valid=valid[0], callbacks=callbacks)
    return model.fit(train, valid=valid, callbacks=callbacks)


def _learned(model: Recommender) -> int:
    """Numbers learned without the loop: item-to-item weights other than 0, or factors; titles are given."""
    if hasattr(model, "members_"):
        return sum(_learned(member) for member in model.members_)
    if hasattr(model, "item_weights_"):
        weights = model.item_weights_
        return int((weights != 0).sum()) if not hasattr(weights, "nnz") else int(weights.nnz)
    if hasattr(model, "user_vectors_") and not model.uses_text:
        return int(model.user_vectors_.size + model.item_vectors_.size)
    return 0
