"""Two spaces of the same items side by side, coloured by popularity or by a label."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.evaluation.item_spaces import item_spaces
from graphrec_lm.evaluation.layout import plane
from graphrec_lm.evaluation.plot_parts import FAINT, INK, headline, new_figure, save
from graphrec_lm.evaluation.plot_points import scatter_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_spaces(
    one: ArrayLike,
    other: ArrayLike,
    path: str | os.PathLike[str],
    *,
    color: ArrayLike | None = None,
    color_name: str = "",
    names: tuple[str, str] = ("titles", "behaviour"),
    method: str = "tsne",
    neighbours: float = 30,
    sample: int = 1000,
    seed: int = 0,
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw the same items in two spaces, laid out by t-SNE (or UMAP), to a PNG file.

    An item has the same colour in both panels: colours that stay together are what the spaces share
    (as figure 1 of AlphaRec, arXiv 2407.05441). Measure it with `compare_spaces`; a picture proves nothing.

    Parameters
    ----------
    one, other : float arrays [n, d], [n, m]
    path : path
        The PNG file, replaced atomically.
    color : [n], optional
        Numbers > 0, drawn on a logarithmic scale, such as interactions; or texts, such as genres, of which
        the seven most frequent have a colour.
    color_name : str
        What the numbers or texts are.
    names : (str, str)
        What to call the spaces.
    method, neighbours
        As for `layout.plane`.
    sample : int
        At most so many items, drawn by `seed`.
    seed : int
        Of sample and layout.
    title : str
    dpi : int

    Returns
    -------
    Path

    Raises
    ------
    ImportError
        If matplotlib, or UMAP where it is asked for, is not installed.
    InputError
        If the arrays are not of the same items, there are fewer than 6, or colours are neither of the two.

    Examples
    --------
    >>> import tempfile
    >>> x = np.random.default_rng(0).standard_normal((40, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_spaces(x, x[:, :2], Path(folder) / "spaces.png", color=["a", "b"] * 20).name
    'spaces.png'
    """
    check_number("sample", sample, least=6, integer=True)
    spaces = np.asarray(one), np.asarray(other)
    marks = None if color is None else _marks(color)
    sizes = [len(part) for part in (*spaces, *([] if marks is None else [marks]))]
    if len(set(sizes)) > 1:
        required = "`one`, `other` and `color` must be of the same items"
        raise InputError(required, f"{sizes} rows", "Pass the same rows of each.")
    figure = new_figure(8.6, 4.5 if marks is None or marks.dtype.kind != "U" else 5.1)
    rows = np.random.default_rng(seed).permutation(sizes[0])[:sample]
    planes = [plane(space[rows], method=method, neighbours=neighbours, seed=seed) for space in spaces]
    panels = figure.subplots(1, 2)
    for panel, name in zip(panels, names, strict=True):
        _empty(panel, name)
    scatter_all(figure, list(panels), planes, None if marks is None else marks[rows], color_name)
    headline(figure, title)
    return save(figure, path, dpi)


def plot_item_spaces(
    model: Any,
    path: str | os.PathLike[str],
    *,
    vectors: Any = None,
    encoder: Any = None,
    label: ArrayLike | None = None,
    least: int = 5,
    sample: int = 1000,
    seed: int = 0,
    **options: Any,
) -> Path:
    """Draw the items of a fitted model by their titles and by behaviour, side by side.

    Parameters
    ----------
    model, vectors, encoder, least, sample
        As for `item_spaces`.
    path : path
        The PNG file, replaced atomically.
    label : [n_items], optional
        Numbers or texts in code order to colour by; None is popularity.
    seed : int
    **options
        As for `plot_spaces`: `color_name, names, method, neighbours, title, dpi`.

    Returns
    -------
    Path

    Raises
    ------
    ImportError, NotFittedError, InputError
        As `item_spaces` and `plot_spaces`.

    Examples
    --------
    >>> import tempfile
    >>> import graphrec_lm as gl
    >>> model = gl.TextGCN().fit(gl.load_dataset("movielens-small").split("from_column").train)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_item_spaces(model, Path(folder) / "films.png", least=20, sample=60).name
    'films.png'
    """
    n_items = model.dataset_.n_items
    if label is not None and len(np.asarray(label)) != n_items:
        found = f"{len(np.asarray(label))} of them"
        raise InputError(f"`label` must be one for each of the {n_items} items", found, "Use code order.")
    spaces = item_spaces(model, vectors, encoder=encoder, least=least, sample=sample, seed=seed)
    color = np.maximum(spaces.counts, 1) if label is None else np.asarray(label)[spaces.codes]
    named = {"color_name": "training interactions"} if label is None else {}
    options = {"names": ("language: titles", f"behaviour: {type(model).__name__}")} | named | options
    return plot_spaces(
        spaces.titles, spaces.behaviour, path, color=color, sample=sample, seed=seed, **options
    )


def _marks(color: ArrayLike) -> NDArray[Any]:
    marks = np.asarray(color)
    if marks.dtype.kind == "O":
        marks = marks.astype(str)
    is_text = marks.dtype.kind in "U"
    if marks.ndim != 1 or not (is_text or (marks.dtype.kind in "iuf" and bool((marks > 0).all()))):
        remedy = "Pass one number or text an item."
        raise InputError("`color` must be numbers > 0 or texts [n]", f"{marks.dtype} {marks.shape}", remedy)
    return marks


def _empty(panel: Axes, name: str) -> None:
    """A panel without scales, since a layout has none."""
    panel.set_title(name, color=INK, fontsize=10, loc="left")
    panel.set_aspect("equal")
    panel.set(xlim=(-1.06, 1.06), ylim=(-1.06, 1.06), xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set_color(FAINT)
