# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Quickstart: who touched what, and what the items are called
#
# The package brings a MovieLens sample with the language-model vectors of its titles, so nothing is
# downloaded here. In five steps: data, fit, evaluate, recommend, save.

# %%
import tempfile
from pathlib import Path

import pandas as pd

import graphrec_lm as gl

dataset = gl.load_dataset("movielens-small")
dataset

# %% [markdown]
# A rating of at least 4 makes an edge of the graph; the other ratings stay in the table but are never
# edges. The sample comes with a fixed split, so that figures can be compared.

# %%
dataset = dataset.restrict_items(dataset.items.ids[dataset.item_counts > 0])
train, valid, test = dataset.split("from_column")
parts = {"train": train, "valid": valid, "test": test}
pd.DataFrame({name: [part.n_interactions] for name, part in parts.items()})

# %% [markdown]
# ## Fit
#
# `TextRidge` is the model to start with: item-to-item weights in closed form, drawn towards what the titles
# suggest. How strongly, and a few numbers more, it chooses itself on `valid`; there is no training loop.

# %%
model = gl.TextRidge(verbose=False).fit(train, valid=valid)
model.chosen_

# %%
figures = {
    type(m).__name__: dict(m.evaluate(test, k=20))
    for m in (gl.Random().fit(train, valid=valid), gl.Popularity().fit(train, valid=valid), model)
}
pd.DataFrame(figures).T.round(4)

# %% [markdown]
# What it tried on the way:

# %%
pd.DataFrame(model.search_).sort_values("ndcg", ascending=False).head().round(4)

# %% [markdown]
# ## Recommend
#
# For users of the training data by id, for new people by what they have liked:

# %%
model.recommend(users=[1, 2], k=5)

# %%
liked = dataset.item_table.to_pandas().query("title.str.contains('Star Wars')")
liked[["item_id", "title"]]

# %%
model.recommend(history=[liked["item_id"].tolist()], k=8)

# %% [markdown]
# Only some items, or without some:

# %%
animation = dataset.item_table.to_pandas().query("genres.str.contains('Animation')")["item_id"]
model.recommend(history=[liked["item_id"].tolist()], k=5, candidates=animation.tolist())

# %%
model.similar_items([1, 2571], k=4)

# %% [markdown]
# Why? The score of a film is a sum over the history, and each part is one of behaviour and one of titles:

# %%
first = model.recommend(users=[1], k=1)["item_id"][0]
model.explain(user=1, item=first, k=5).round(3)

# %% [markdown]
# ## Save and load
#
# A folder of JSON, safetensors and Parquet; the language model itself is never part of it.

# %%
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "textridge")
    print(sorted(file.name for file in (Path(folder) / "textridge").iterdir()))
    loaded = gl.load(Path(folder) / "textridge")

loaded.recommend(users=[1], k=5).equals(model.recommend(users=[1], k=5))
