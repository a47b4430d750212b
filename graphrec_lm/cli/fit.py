"""graphrec-lm fit: fit, save and evaluate the model that a YAML file describes

Nothing is written unless the fit succeeds, save for the checkpoint if one is asked for.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from graphrec_lm.cli.shared import check_folder, show_metrics, show_settings
from graphrec_lm.errors import InputError

if TYPE_CHECKING:
    from graphrec_lm.config import Config
    from graphrec_lm.training import Callback

EXAMPLES = """\
a configuration:
  data:
    dataset: movielens-small       # or files: interactions: rows.csv, items: items.csv,
    only_touched_items: true       #   columns: {userId: user_id}, positive: rating >= 4
  split: {method: from_column}     # or random, leave_last_out, global_time, with their options
  model:
    name: TextRidge                # any parameter of its constructor may follow
    keep: 500
  # fit: {checkpoint: movies.safetensors}   for models that train by epochs: go on after an interruption
  evaluate: {k: 20, metrics: [recall, ndcg, hit_rate]}
  output: movies-model             # the folder of the saved model

examples:
  graphrec-lm fit movies.yaml
  graphrec-lm recommend movies-model --user 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "config", metavar="CONFIG.yaml", help="the configuration; its paths start at the current folder"
    )


def run(arguments: argparse.Namespace) -> None:
    """Fit, save, evaluate on the test part."""
    from graphrec_lm.config import build_dataset, build_model, build_split, read_config

    config = read_config(arguments.config)
    check_folder(config.output)
    model = build_model(config)
    if hasattr(model, "verbose"):
        model.set_params(verbose=model.verbose and not arguments.quiet)
    if config.fit.checkpoint is not None and not model.has_epochs:
        required = "`fit.checkpoint` must be for a model that trains by epochs"
        raise InputError(required, config.model.name, "Leave the checkpoint out.")
    print(f"Configuration {arguments.config}")
    show_settings(summary(config))
    dataset = build_dataset(config.data)
    split = build_split(config, dataset)
    print(f"\n{dataset}\n\n{split}, hash {split.hash[:12]}\n\nFitting {config.model.name}", flush=True)
    started = time.perf_counter()
    valid = split.valid if split.valid.n_interactions else None
    model.fit(split.train, valid=valid, callbacks=_callbacks(config))
    print(f"Fitted in {time.perf_counter() - started:.1f} s{_epochs(model.history_)}.\n")
    model.save(config.output)
    if split.test.n_interactions:
        print("On the test part:")
        show_metrics(model.evaluate(split.test, k=config.evaluate.k, metrics=config.evaluate.metrics))
    print(f"\nSaved to {config.output}. Try: graphrec-lm recommend {config.output} --user "
          f"{split.train.users.ids[0]}")  # fmt: skip


def summary(config: Config) -> dict[str, object]:
    """Return what a configuration says, by dotted key, defaults left out.

    >>> from graphrec_lm.config import Config
    >>> values = {"data": {"dataset": "movielens-small"}, "model": {"name": "MF", "dim": 8}, "output": "m"}
    >>> summary(Config(**values))
    {'data.dataset': 'movielens-small', 'model.name': 'MF', 'model.dim': 8, 'output': 'm'}
    """
    shown: dict[str, object] = {}
    for section, values in config.model_dump(exclude_unset=True).items():
        pairs = values.items() if isinstance(values, dict) else [("", values)]
        shown |= {f"{section}.{key}".rstrip("."): value for key, value in pairs}
    return shown


def _callbacks(config: Config) -> list[Callback]:
    if config.fit.checkpoint is None:
        return []
    from graphrec_lm.training import Checkpoint

    return [Checkpoint(config.fit.checkpoint, every=config.fit.checkpoint_every)]


def _epochs(history: list[dict[str, float]]) -> str:
    """Say how many epochs there were and which was best."""
    if not history:
        return ""
    measured = [record for record in history if "valid_ndcg@20" in record]
    best = max(measured, key=lambda record: record["valid_ndcg@20"], default=None)
    found = (
        ""
        if best is None
        else f", best validation NDCG@20 {best['valid_ndcg@20']:.4f} in epoch {best['epoch']}"
    )
    return f": {len(history)} epochs{found}"
