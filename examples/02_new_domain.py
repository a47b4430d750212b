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
# # A new domain, new items, new people: without training again
#
# A text model's weights know no user and no item. What it learned on one catalogue can be carried to
# another; an item is recommended from the moment it has a title. Here the bundled films make two domains:
# some people and films before 1996, other people and later films. They share neither.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import graphrec_lm as gl

dataset = gl.load_dataset("movielens-small")
rows = pd.DataFrame(
    {
        "user_id": dataset.users.ids[dataset.edges.users],
        "item_id": dataset.items.ids[dataset.indices],
    }
)
films = dataset.item_table.to_pandas()
films["year"] = films["title"].str.extract(r"\((\d{4})\)\s*$")[0].astype(float)
early = films["year"] < 1996


def domain(people: int, those: pd.Series) -> gl.Dataset:
    """Half of the people with some of the films, those that somebody touched."""
    mine = rows[(rows["user_id"] % 2 == people) & rows["item_id"].isin(films.loc[those, "item_id"])]
    table = films[films["item_id"].isin(mine["item_id"])]
    return gl.Dataset.from_frame(mine, table[["item_id", "title"]])


source, target = domain(0, early), domain(1, ~early)
source_train, source_valid, _ = source.split("random", valid=0.1, test=0.1, seed=0)
train, valid, test = target.split("random", valid=0.1, test=0.2, seed=0)
source, target

# %% [markdown]
# ## Zero-shot: the same weights on the other domain
#
# `adapt` takes the new titles and, as graph and histories, the new interactions; there is no gradient step.
# Two models learn nothing at all: `TitleCosine` ranks by titles alone, `TextGCN` lets titles flow over the
# graph. `WhiteGCN` learns one number, and that carries over; a projection with many weights fits the
# domain that it was trained on. What is fitted on the target itself is blue in the picture.

# %%
settings = {
    "hidden": 192, "learning_rate": 5e-3, "batch_size": 1024, "negatives": 512, "share_negatives": True,
    "sampling": "interaction", "valid_every": 5, "verbose": False,
}  # fmt: skip
trained = gl.AlphaRec(epochs=12, **settings).fit(source_train, valid=source_valid)
moved = trained.adapt(train, valid=valid)
white = gl.WhiteGCN().fit(source_train, valid=source_valid)
models = {
    "TitleCosine, nothing learned": gl.TitleCosine().fit(train, valid=valid),
    "TextGCN, nothing learned": gl.TextGCN().fit(train, valid=valid),
    "WhiteGCN, its weight from the other domain": white.adapt(train, valid=valid),
    "AlphaRec from the other domain": moved,
    "AlphaRec, fitted here": gl.AlphaRec(epochs=12, **settings).fit(train, valid=valid),
    "AlphaRec, started from the other": gl.AlphaRec(epochs=12, **settings).fit(
        train, valid=valid, init=trained
    ),
    "TextRidge, fitted here": gl.TextRidge(verbose=False).fit(train, valid=valid),
}
figures = pd.DataFrame({name: dict(model.evaluate(test, k=20)) for name, model in models.items()}).T
figures.round(4)

# %%
order = figures["ndcg@20"].sort_values()
figure, axes = plt.subplots(figsize=(7, 2.9), layout="constrained")
fitted = order.index.str.contains("here|started")
axes.barh(order.index, order, color=np.where(fitted, "#4C72B0", "#BBBBBB"))
axes.set_xlabel("NDCG@20 on the later films")
axes.set_title("Grey: no gradient step and no fit on this domain", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## One model for both
#
# A list of datasets is a list of domains: one projection, a graph for each, negatives from the user's own
# domain. What comes out is asked through `adapt`.

# %%
both = gl.AlphaRec(epochs=12, domain_weights="equal", **settings)
both.fit([source_train, train], valid=[source_valid, valid])
{
    name: round(both.adapt(part, valid=held_out).evaluate(held_out, k=20)["ndcg@20"], 3)
    for name, part, held_out in [("early films", source_train, source_valid), ("later films", train, valid)]
}

# %% [markdown]
# ## New items and new interactions
#
# A new film has a title and nothing else. Models of all three kinds take it at once: trained projections,
# diffusion, and item-to-item weights, for which a new item is a mixture of those with the nearest titles.

# %%
ridge = models["TextRidge, fitted here"]
new = pd.DataFrame(
    {"item_id": [900_001, 900_002], "title": ["The Matrix Rebooted (2031)", "Toy Story 9 (2032)"]}
)
ridge.add_items(new)
ridge.similar_items([900_001, 900_002], k=4)[["item_id", "title", "score"]]

# %%
moved.add_items(new)
moved.update(pd.DataFrame({"user_id": [1_000_001] * 3, "item_id": [900_002, 4886, 6377]}))
moved.recommend([1_000_001], k=5)

# %% [markdown]
# Somebody who is not in the data at all is asked about by history:

# %%
ridge.recommend(history=[[900_001, 4993]], k=5)
