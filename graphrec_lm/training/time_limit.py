"""Training for a limited time."""

from __future__ import annotations

from graphrec_lm.errors import check_number
from graphrec_lm.training.callbacks import Callback, TrainingState


class TimeLimit(Callback):
    """Stop training after the first epoch that ends beyond a number of seconds.

    The seconds are those of the history: epochs and validations, also those before a checkpoint from which
    the run went on; not what precedes the first epoch. As after any stop, the weights are those of the best
    validation so far.

    Parameters
    ----------
    seconds : float
        > 0.

    Attributes
    ----------
    reached : bool
        Whether the limit ended the last training.

    Raises
    ------
    InputError
        If `seconds` is not > 0.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = gl.MF(epochs=50, verbose=False).fit(train, callbacks=[TimeLimit(1e-6)])
    >>> len(model.history_)
    1
    """

    def __init__(self, seconds: float) -> None:
        check_number("seconds", seconds, above=0)
        self.seconds, self.reached = seconds, False

    def __repr__(self) -> str:
        return f"TimeLimit({self.seconds!r})"

    def on_fit_start(self, state: TrainingState) -> None:
        """Forget an earlier training."""
        self.reached = False

    def on_fit_end(self, state: TrainingState) -> None:
        """A run that a checkpoint says was stopped then, was."""
        is_late = bool(state.history) and state.history[-1]["seconds"] >= self.seconds
        self.reached = state.stop and is_late

    def on_epoch_end(self, state: TrainingState) -> None:
        """Stop if the time is over."""
        if state.history[-1]["seconds"] >= self.seconds:
            state.stop = True
