"""graphrec-lm demo: four models on the bundled films, compared, shown, plotted and saved"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec_lm.cli.shared import check_folder

if TYPE_CHECKING:
    from graphrec_lm.data import Split
    from graphrec_lm.models import Recommender

EXAMPLES = """\
It fits Popularity, LightGCN, AlphaRec and TextRidge on the MovieLens sample that the package carries (no
download, no language model: the title embeddings are in the package). That takes about a minute on two cores.

example:
  graphrec-lm demo --output /tmp/demo
"""

# Fast settings, selected on the validation part; seed 0.
_TRAINING = {"batch_size": 1024, "negatives": 1024, "share_negatives": True, "sampling": "interaction",
             "valid_every": 2, "patience": 5}  # fmt: skip
ALPHAREC: dict[str, Any] = {**_TRAINING, "hidden": 128, "learning_rate": 2e-3, "epochs": 16}
LIGHTGCN: dict[str, Any] = {**_TRAINING, "layers": 2, "loss": "infonce", "learning_rate": 3e-3, "epochs": 24}
TEXTRIDGE: dict[str, Any] = {}  # it tunes itself


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    where = "folder of the model, the table and the curves (default: %(default)s)"
    parser.add_argument("--output", metavar="FOLDER", default="graphrec-lm-demo", help=where)


def run(arguments: argparse.Namespace) -> None:
    """Fit, compare, show, write."""
    from graphrec_lm.cli.demo_lists import show_recommendations, show_similar

    started = time.perf_counter()
    folder = Path(arguments.output)
    check_folder(str(folder / "model"))
    folder.mkdir(parents=True, exist_ok=True)
    split = _split()
    _compile(split)
    models, seconds = _fit(split, verbose=not arguments.quiet)
    table = _compare(models, seconds, split)
    show_recommendations(models["TextRidge"], split)
    show_similar(models["TextRidge"], split.train)
    written = _write(models, table, folder)
    print(f"Done in {time.perf_counter() - started:.0f} s. Written:")
    for path, what in written.items():
        print(f"  {path}  {what}")
    _next_commands(folder / "model")


def _split() -> Split:
    """The bundled films that anybody liked, in their fixed split."""
    from graphrec_lm.data import load_dataset

    dataset = load_dataset("movielens-small")
    dataset = dataset.restrict_items(dataset.items.ids[dataset.item_counts > 0])
    print(f"MovieLens ml-latest-small: {dataset.n_users:,} users, {dataset.n_items:,} films, "
          f"{dataset.n_interactions:,} ratings of 4 stars or more")  # fmt: skip
    split = dataset.split("from_column")
    print(f"{split}\n")
    return split


def _compile(split: Split) -> None:
    """Compile the kernels on a few steps, so that the seconds of the fits are those of a second run."""
    from graphrec_lm.models import AlphaRec, LightGCN

    started = time.perf_counter()
    print("Compiling the numeric kernels (the first time only) ...", end=" ", flush=True)
    brief = {"epochs": 1, "batch_size": split.train.n_interactions, "negatives": 8, "verbose": False}
    AlphaRec(**{**ALPHAREC, **brief, "hidden": 8}).fit(split.train, valid=split.valid).evaluate(split.test)
    LightGCN(**{**LIGHTGCN, **brief}).fit(split.train, valid=split.valid)
    print(f"{time.perf_counter() - started:.1f} s\n", flush=True)


def _fit(split: Split, *, verbose: bool) -> tuple[dict[str, Recommender], dict[str, float]]:
    from graphrec_lm.models import AlphaRec, LightGCN, Popularity, TextRidge

    models: dict[str, Recommender] = {
        "Popularity": Popularity(),
        "LightGCN": LightGCN(**LIGHTGCN, verbose=verbose),
        "AlphaRec": AlphaRec(**ALPHAREC, verbose=verbose),
        "TextRidge": TextRidge(**TEXTRIDGE, verbose=verbose),
    }
    seconds = {}
    for name, model in models.items():
        began = time.perf_counter()
        model.fit(split.train, valid=split.valid)
        seconds[name] = time.perf_counter() - began
        measured = [record["valid_ndcg@20"] for record in model.history_ if "valid_ndcg@20" in record]
        best = (
            f", {len(model.history_)} epochs, best validation NDCG@20 {max(measured):.4f}" if measured else ""
        )
        print(f"Fitted {name} in {seconds[name]:.1f} s{best}", flush=True)
    return models, seconds


def _compare(models: dict[str, Recommender], seconds: dict[str, float], split: Split) -> str:
    """Print the table of test metrics; return it as Markdown."""
    from graphrec_lm.evaluation import comparison_rows, render_table

    evaluations = {name: model.evaluate(split.test, k=20) for name, model in models.items()}
    about = {
        "Popularity": "Popularity",
        "LightGCN": "LightGCN (user and item IDs)",
        "AlphaRec": "AlphaRec (titles, graph)",
        "TextRidge": "TextRidge (titles, closed form)",
    }
    rows = comparison_rows(
        {about[name]: evaluation for name, evaluation in evaluations.items()},
        {about[name]: fit_seconds for name, fit_seconds in seconds.items()},
    )
    users = len(next(iter(evaluations.values())).user_ids)
    print(f"\nOn held-out ratings of {users} users, all {split.train.n_items:,} films ranked:\n")
    print(render_table(rows, formats={"fit s": ".1f"}), end="\n\n", flush=True)
    return render_table(rows, style="markdown", formats={"fit s": ".1f"})


def _write(models: dict[str, Recommender], table: str, folder: Path) -> dict[Path, str]:
    """Write the model, the table and the curves; return what is where."""
    from graphrec_lm.evaluation import plot_training
    from graphrec_lm.files import atomic_file

    models["TextRidge"].save(folder / "model")
    with atomic_file(folder / "results.md") as temporary:
        temporary.write_text(f"{table}\n", encoding="utf-8")
    written = {folder / "model": "the fitted TextRidge", folder / "results.md": "the table"}
    histories = {name: models[name].history_ for name in ("AlphaRec", "LightGCN")}
    try:
        picture = plot_training(histories, folder / "training.png", title="MovieLens ml-latest-small")
        written[picture] = "the training curves"
    except ImportError as error:
        print(f"No training curves: {error}")
    return written


def _next_commands(model: Path) -> None:
    print(f"""
Next:
  graphrec-lm info {model}
  graphrec-lm recommend {model} --history 260 1196 1210    (somebody new who likes Star Wars)
  graphrec-lm similar {model} 1 2571
  graphrec-lm fit --help""")
