"""
Measure a network
=================

What did the layers of a trained network learn, and which part of each makes its classes collapse?

Any PyTorch model and any batches of inputs and labels will do. Here a small network learns the digits that come with
scikit-learn.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from agop import measure
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
for _ in range(150):
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(inputs), labels).backward()
    optimizer.step()

# %%
# One call measures every layer. A record at the end of a cell shows what its page begins with.

record = measure(network, [(inputs, labels)])
record

# %%
# NC1 is the scatter within the classes over that between them: near 0 the samples of a class lie on their mean.

record.plot("nc1")

# %%
# The linear map and the nonlinearity of each layer have their parts in its fall.

record.plot("attribution")

# %%
# W\ :sup:`T`\ W and the AGOP of a layer agree where the network has learned features: the neural feature ansatz.

record.plot("nfa")

# %%
# All numbers are a table of pandas. ``agop.report(record, "network.html")`` writes all plots into one page, and
# ``record.plot("nc1").save("nc1.pdf")`` one of them for a paper.

frame = record.to_frame()
frame.loc[frame["stage"] == "input", ["layer", "nc1_trace_ratio", "nc2_gram_mse", "share", "nfa_pearson_root"]]

# sphinx_gallery_thumbnail_path = "gallery/network.png"
