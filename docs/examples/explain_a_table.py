"""
Explain a table
===============

A kernel machine that learns which features matter, on a table as it is; and what its predictions depend on.

The table has 442 patients: age, sex, blood pressure, mass and six blood values, one of them with gaps here, and how far
diabetes has progressed a year later.
"""

from sklearn.datasets import load_diabetes

from agop import explain, table_pipeline

table, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
table["sex"] = table["sex"].map({1.0: "a", 2.0: "b"})
table.loc[::9, "bp"] = None
table.head(3)

# %%
# Kernel, bandwidth, ridge and iterate are chosen by predictions of rows that were left out, and so is the score that is
# stated.

model = table_pipeline("regression").fit(table[:300], progression[:300])
model["model"]

# %%
# On rows that it has not seen, R² is

round(model.score(table[300:], progression[300:]), 3)

# %%
# The effect of a column is how far predictions move when its values are swapped between rows.

explanation = explain(model, table[300:])
explanation.plot("effects")

# %%
# Of pairs of columns, what hangs on both together.

explanation.plot("interactions")

# %%
# All numbers with their standard errors.

explanation.to_frame().iloc[:, :4].round(3)

# %%
# Predictions come with intervals that hold a share of new targets.

features = model["table"].transform(table[300:])
lower, upper = model["model"].predict_interval(features, coverage=0.8)
covered = ((lower <= progression[300:]) & (progression[300:] <= upper)).mean()
f"{covered:.0%} of the new targets lie in intervals that are made for 80 %"

# sphinx_gallery_thumbnail_path = "gallery/table.png"
