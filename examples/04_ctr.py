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
# # Clicks and ratings: rows as sentences
#
# A row of a table (who, what, when) becomes sentences; a language model turns each distinct sentence into a
# vector, once; the vectors join the embeddings of the ids in a click model (Le & Abel, arXiv 2504.08746).
# With the folder of MovieLens 100K in `GRAPHREC_LM_ML100K` the cells run on it, otherwise on the bundled
# sample, whose title vectors are part of the package, so that no language model is needed.

# %%
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import graphrec_lm as gl
from graphrec_lm.ctr import FM, BoostedTrees, DeepFM, Field, Fields, Template, TextFeatures, load, rows_of

root = os.environ.get("GRAPHREC_LM_ML100K")
dataset = gl.load_dataset("movielens-100k", root=root) if root else gl.load_dataset("movielens-small")
rows = rows_of(dataset)
if not root:
    rows = rows[rows["user_id"] <= 100]
rows = rows.assign(year=rows["title"].str.extract(r"\((\d{4})\)")[0])
rows.head(3)

# %% [markdown]
# Eight parts to learn from, one to say when to stop, one to test. A rating of 4 or more counts as liked.

# %%
order = np.random.default_rng(0).permutation(len(rows))
train, valid, test = (rows.iloc[part] for part in np.split(order, [8 * len(rows) // 10, 9 * len(rows) // 10]))
len(train), len(valid), len(test)

# %% [markdown]
# ## Sentences
#
# Templates hold columns and filters, never code. What is missing is left out with its bracket.

# %%
template = Template("{title} is a {genres|join} film[ from {year}], rated on a {timestamp|weekday}.")
sentences, index = template.render({name: rows[name].tolist() for name in template.fields})
sentences[:3], len(sentences)

# %% [markdown]
# ## Three lines
#
# `fields` says which columns describe the user, the item and the context. `text` adds the sentences; here
# the titles, which the bundled vectors cover.

# %%
people = ["age", "gender", "occupation"] if root else []
fields = Fields(user=people, item=["title", Field("genres", "list"), "year"], context=["timestamp"])
text = TextFeatures(user=[], item="{title}", context=[], components=16)
common = {"label": "rating", "label_threshold": 4, "epochs": 3, "verbose": False}

model = DeepFM(fields=fields, text=text, **common).fit(train, valid=valid)
model.predict_proba(test)[:3].round(3)

# %%
model.evaluate(test)

# %% [markdown]
# ## What do the sentences add?

# %%
alone = {"raw": False, "statistics": False}
tried = {
    "DeepFM, raw": DeepFM(fields, **common).fit(train, valid=valid),
    "DeepFM, enriched": model,
    "DeepFM, sentences alone": DeepFM(fields, text, **alone, **common).fit(train, valid=valid),
    "FM, enriched": FM(fields, text, **common).fit(train, valid=valid),
    "boosted trees, enriched": BoostedTrees(fields, text, iterations=60, **common).fit(train, valid=valid),
}
results = {name: one.evaluate(test) for name, one in tried.items()}
pd.DataFrame(results).T.round(4)

# %% [markdown]
# ## Are the probabilities honest?
#
# Expected calibration error compares what was promised with what happened, bin by bin.

# %%
from graphrec_lm.metrics import reliability

table = reliability(results["DeepFM, enriched"].labels, results["DeepFM, enriched"].probabilities)
pd.DataFrame(table._asdict()).round(3)

# %% [markdown]
# ## Save, load, and meet somebody new
#
# A folder of JSON and safetensors. Values that the training rows never had count as unknown, and are counted.

# %%
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "model")
    loaded = load(Path(folder) / "model")

stranger = test.head(3).assign(user_id=10**6)
loaded.predict_proba(stranger)[:, 1].round(3), loaded.unseen_
