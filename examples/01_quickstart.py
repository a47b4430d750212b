# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
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
# `AlphaRec` has no user or item embeddings: it learns one projection of the title vectors and lets the
# graph do the rest. `valid` selects the epoch. The settings here make it quick; the defaults are the
# paper's.

# %%
model = gl.AlphaRec(
    hidden=192, learning_rate=2e-3, batch_size=1024, negatives=1024, share_negatives=True,
    sampling="interaction", epochs=12, valid_every=2, verbose=False,
)  # fmt: skip
model.fit(train, valid=valid)

# %%
figures = {
    type(m).__name__: dict(m.evaluate(test, k=20))
    for m in (gl.Random().fit(train, valid=valid), gl.Popularity().fit(train, valid=valid), model)
}
pd.DataFrame(figures).T.round(4)

# %% [markdown]
# The training curve, from the model's own history:

# %%
curve = pd.DataFrame(model.history_).set_index("epoch")
curve[["loss", "valid_ndcg@20"]].dropna().round(4)

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
# ## Save and load
#
# A folder of JSON, safetensors and Parquet; the language model itself is never part of it.

# %%
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "alpharec")
    print(sorted(file.name for file in (Path(folder) / "alpharec").iterdir()))
    loaded = gl.load(Path(folder) / "alpharec")

loaded.recommend(users=[1], k=5).equals(model.recommend(users=[1], k=5))
