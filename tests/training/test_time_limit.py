"""TimeLimit: by the seconds of the history, also across a resumed run."""

from __future__ import annotations

import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.training import Callback, Checkpoint, TimeLimit, TrainingState
from tests.training.toys import ToyLearner, run


class Clock(Callback):
    """Lets every epoch take a second."""

    def on_epoch_end(self, state: TrainingState) -> None:
        state.history[-1]["seconds"] = float(state.epoch)


def test_it_stops_after_the_epoch_that_ends_beyond_the_limit():
    limit = TimeLimit(2.5)
    _, history = run(epochs=9, callbacks=[Clock(), limit])
    assert len(history) == 3
    assert limit.reached


def test_a_training_that_never_began_was_not_late():
    class Never(Callback):
        def on_fit_start(self, state: TrainingState) -> None:
            state.stop = True

    limit = TimeLimit(100)
    run(epochs=4, callbacks=[Never(), limit])
    assert not limit.reached


def test_a_training_that_ends_in_time_is_left_alone():
    limit = TimeLimit(100)
    limit.reached = True  # of an earlier fit
    assert len(run(epochs=4, callbacks=[Clock(), limit])[1]) == 4
    assert not limit.reached


def test_seconds_before_a_checkpoint_count(tmp_path):
    path = tmp_path / "run.safetensors"
    run(ToyLearner(), epochs=2, callbacks=[Clock(), Checkpoint(path)])
    _, history = run(ToyLearner(), epochs=9, callbacks=[Clock(), TimeLimit(3), Checkpoint(path)])
    assert len(history) == 3


def test_the_limit_must_be_positive():
    with pytest.raises(InputError, match="`seconds` must be a number > 0"):
        TimeLimit(0)


def test_a_run_that_was_stopped_stays_so_on_resume(tmp_path):
    path = tmp_path / "run.safetensors"
    for _ in range(2):
        limit = TimeLimit(3)
        run(ToyLearner(), epochs=9, callbacks=[Clock(), limit, Checkpoint(path)])
        assert limit.reached
