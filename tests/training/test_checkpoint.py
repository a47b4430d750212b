"""Checkpoints: resume equals an uninterrupted run; other and damaged files are refused."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file, save_file

from graphrec_lm.errors import InputError
from graphrec_lm.training import Callback, Checkpoint
from tests.data.messages import check
from tests.training.toys import ToyLearner, run, same, weights


class Interrupted(Exception):
    pass


class Interrupt(Callback):
    """Break the run off at the end of an epoch, before or after the callbacks beside it."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, state):
        if state.epoch == self.epoch:
            raise Interrupted


def by_epoch(learner):
    """A validation that is best at epoch 3 of the toy run."""
    return -float(learner.users.norm())


def without_times(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


class StopAt(Callback):
    """Stop after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, state):
        state.stop = state.epoch == self.epoch


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("first", [True, False])
def test_a_run_that_a_callback_stopped_stays_stopped(tmp_path, every, first):
    path = tmp_path / "run.safetensors"

    def stopped():
        callbacks = [Checkpoint(path, every), StopAt(3)]
        return run(epochs=8, callbacks=callbacks if first else callbacks[::-1])

    (learner, history), (again, rerun) = stopped(), stopped()
    assert len(history) == len(rerun) == 3
    assert same(weights(learner), weights(again))


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("validate", [None, by_epoch])
def test_resumed_equals_uninterrupted(tmp_path, every, first, validate):
    whole, history = run(epochs=8, validate=validate, patience=3)
    path = tmp_path / "deep" / "run.safetensors"
    for epoch in (1, 4, 6):
        callbacks = [Checkpoint(path, every), Interrupt(epoch)]
        if len(history) >= epoch:
            with pytest.raises(Interrupted):
                run(
                    epochs=8,
                    validate=validate,
                    patience=3,
                    callbacks=callbacks if first else callbacks[::-1],
                )
    resumed, again = run(epochs=8, validate=validate, patience=3, callbacks=[Checkpoint(path, every)])
    assert same(weights(whole), weights(resumed))
    assert without_times(history) == without_times(again)
    assert again[0]["seconds"] <= again[-1]["seconds"]


def test_a_finished_run_is_not_trained_again(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors", every=3)
    first, history = run(epochs=4, callbacks=[checkpoint])
    second, again = run(ToyLearner(seed=9), epochs=4, callbacks=[checkpoint])
    assert same(weights(first), weights(second)) and history == again and not second.batches
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_place_that_cannot_be_written_is_refused_before_the_first_epoch(tmp_path):
    (tmp_path / "rows.csv").write_text("user_id,item_id")
    learner = ToyLearner(seed=0)
    with pytest.raises(InputError, match="must lie in a folder that can be written"):
        run(learner, epochs=1, callbacks=[Checkpoint(tmp_path / "rows.csv" / "run.safetensors")])
    assert not learner.batches


def test_a_failed_write_leaves_the_file_before_it(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    run(epochs=2, callbacks=[Checkpoint(path)], run_id="a")
    before = path.read_bytes()

    def half(tensors, file, metadata):
        file.write_bytes(before[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr("graphrec_lm.training.checkpoint.save_file", half)
    with pytest.raises(OSError, match="no space"):
        run(epochs=3, callbacks=[Checkpoint(path)], run_id="a")
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def beheaded(path):
    path.write_bytes(path.read_bytes()[60:])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    save_file(load_file(path), path)


@pytest.mark.parametrize("damage", [truncated, beheaded, empty, foreign])
def test_a_damaged_file_is_refused_and_kept(tmp_path, damage):
    path = tmp_path / "run.safetensors"
    run(epochs=2, callbacks=[Checkpoint(path)])
    damage(path)
    before, learner = path.read_bytes(), ToyLearner()
    with pytest.raises(InputError) as error:
        run(learner, epochs=4, callbacks=[Checkpoint(path)])
    check(error, ["a checkpoint must be a whole file", str(path), "Delete the file"])
    assert path.read_bytes() == before and not learner.batches
    assert same(weights(learner), weights(ToyLearner()))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    run(epochs=2, callbacks=[Checkpoint(path)], run_id="one")
    with pytest.raises(InputError) as error:
        run(epochs=4, callbacks=[Checkpoint(path)], run_id="two")
    check(error, ["the same parameters, seed and data", "another run's", "another path"])


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError) as error:
        run(epochs=2, callbacks=[Checkpoint(tmp_path)])
    check(error, ["a checkpoint must be a whole file", str(tmp_path)])


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None])
def test_the_interval_must_be_a_whole_number(every):
    with pytest.raises(InputError) as error:
        Checkpoint("run.safetensors", every)
    check(error, ["`every` must be an integer >= 1", repr(every), "in that range"])


def test_prints_what_it_is():
    assert repr(Checkpoint("run.safetensors", every=5)) == "Checkpoint('run.safetensors', every=5)"


def test_a_path_in_the_home_folder_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _, history = run(epochs=2, callbacks=[Checkpoint("~/run.safetensors")])
    assert (tmp_path / "run.safetensors").exists()
    assert run(ToyLearner(seed=9), epochs=2, callbacks=[Checkpoint("~/run.safetensors")])[1] == history
    with pytest.raises(InputError, match="same parameters"):
        run(epochs=2, callbacks=[Checkpoint("~/run.safetensors")], run_id="another")
