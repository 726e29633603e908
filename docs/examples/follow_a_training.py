"""
Follow a training
=================

When do the classes collapse, and in which layer first? A tracker measures a network while it learns, and keeps what it
finds in a folder.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from sklearn.datasets import load_digits
from torch import nn

from agop import Tracker
from agop.datasets import standardize

pixels, digits = load_digits(return_X_y=True)
(pixels,) = standardize(pixels[:600], n_channels=1)
inputs, labels = torch.from_numpy(pixels).float(), torch.from_numpy(digits[:600])

torch.manual_seed(0)
network = nn.Sequential(
    *(nn.Linear(64, 64), nn.ReLU()),
    *(nn.Linear(64, 64), nn.ReLU()),
    *(nn.Linear(64, 64), nn.ReLU()),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)

# %%
# ``step`` is called at the end of every epoch, and measures where it is time to.

folder = TemporaryDirectory()
tracker = Tracker(network, [(inputs, labels)], Path(folder.name, "run"), every=20, time_share=None)
for epoch in range(161):
    loss = nn.functional.cross_entropy(network(inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    tracker.step(epoch, loss=loss)
tracker.finish()
tracker

# %%
# Collapse comes from the last layer towards the first.

tracker.plot("nc1-map")

# %%
# The same as curves, a layer at a time.

tracker.plot("nc1-epochs")

# %%
# Is it the linear maps or the nonlinearities?

tracker.plot("attribution")

# %%
# ``agop report`` makes a page of the folder, also while the training goes on, and compares several.

folder.cleanup()

# sphinx_gallery_thumbnail_path = "gallery/comparison.png"
