"""
Deep RFM: collapse without backpropagation
==========================================

Deep Recursive Feature Machines fit a kernel machine, map the data with the root of its AGOP, apply untrained random
features, and repeat. Their classes collapse as those of trained networks do.
"""

from sklearn.datasets import load_digits

from agop import DeepRFMClassifier
from agop.deep_rfm import ReLUFeatures

X, y = load_digits(return_X_y=True)
settings = {"features": ReLUFeatures(256), "depth": 6, "random_state": 0}
model = DeepRFMClassifier(**settings).fit(X[:500], y[:500])
model

# %%
# NC1, the scatter within classes over that between them, at the input of each layer and after its steps: the AGOP
# lowers it, the random features raise it by less.

model.plot("nc1")

# %%
# The control has the identity in place of the AGOP: random features alone do not collapse.

control = DeepRFMClassifier(**settings, agop=False).fit(X[:500], y[:500])
control.plot("nc1")

# %%
# The AGOP keeps few directions, one less than there are classes.

model.plot("spectra")

# %%
# And the features are of use: the accuracy on digits that were not seen, with the AGOP and without.

f"{model.score(X[500:], y[500:]):.3f} with, {control.score(X[500:], y[500:]):.3f} without"

# sphinx_gallery_thumbnail_path = "gallery/deep-rfm.png"
