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
# # A wish beside the history
#
# The language model that reads titles also reads what somebody types. `intent` mixes the two; `alpha` says
# how much the wish counts. Titles are in the package; the wishes are encoded by the language model itself,
# which is loaded here for the first time.

# %%
import matplotlib.pyplot as plt
import pandas as pd

import graphrec_lm as gl

dataset = gl.load_dataset("movielens-small")
dataset = dataset.restrict_items(dataset.items.ids[dataset.item_counts > 0])
train, valid, test = dataset.split("from_column")
model = gl.TextRidge(verbose=False).fit(train, valid=valid)
person = [414]


def titles(frame: pd.DataFrame) -> list[str]:
    """The titles of a list."""
    return frame["title"].tolist()


wish = "a space adventure"
pd.DataFrame(
    {alpha: titles(model.recommend(person, k=6, intent=wish, alpha=alpha)) for alpha in (0, 0.4, 0.7, 1)}
)

# %% [markdown]
# ## What is not wanted, and a search by nobody
#
# What follows "not" or "without" counts against a film. Without a person, `intent` is a plain search. Titles
# are all that is read: few films about the Second World War say so in their titles, and they are not found.

# %%
pd.DataFrame(
    {
        text: titles(model.recommend(intent=text, k=6))
        for text in ("superheroes", "superheroes, not Batman", "a film about the Second World War")
    }
)

# %% [markdown]
# Wishes may differ between people, and somebody new may have a history and a wish:

# %%
model.recommend([1, 414], k=2, intent=["zombies", "a Christmas film"], alpha=[0.6, 0.6])

# %%
model.recommend(history=[[1, 260, 1196]], k=4, intent="a war film", alpha=0.5)

# %% [markdown]
# ## How much should a wish count?
#
# `alpha="auto"` looks at how specific each wish is and how it agrees with the history. `learn_alpha` learns
# that from wishes that were met; here they are made of the years of held-out films.

# %%
films = dataset.item_table.to_pandas().set_index("item_id")["title"]


def wishes(part: gl.Dataset, template: str) -> pd.DataFrame:
    """One held-out film of each user, wished for by its decade; every other wish says nothing."""
    users = [user for user in range(part.n_users) if part.user_counts[user]]
    frame = pd.DataFrame(
        {
            "user_id": part.users.ids[users],
            "item_id": part.items.ids[[part.indices[part.indptr[user]] for user in users]],
        }
    )
    decade = frame["item_id"].map(films).str.extract(r"\((\d{3})\d\)")[0].fillna("199") + "0s"
    frame["intent"] = [template.format(d) if n % 2 else "a good film" for n, d in enumerate(decade)]
    return frame


model.learn_alpha(wishes(valid, "a movie of the {}"))
asked = wishes(test, "something from the {}")


def hit_rate(alpha: object) -> float:
    """How often the film is among the first ten."""
    lists = model.recommend(asked["user_id"], k=10, intent=asked["intent"].tolist(), alpha=alpha)
    return len(asked.merge(lists, on=["user_id", "item_id"])) / len(asked)


alphas = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1]
rates = [hit_rate(alpha) for alpha in alphas]
learned = hit_rate("auto")

# %%
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(alphas, rates, marker="o", color="#4C72B0", label="one α for all")
axes.axhline(learned, color="#C44E52", linestyle="--", label="auto")
axes.set_xlabel("α: weight of the wish")
axes.set_ylabel("hit rate at 10")
axes.set_ylim(0)
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
