"""
A language model
================

The class of a position of a text is the token that follows. Here a transformer of three blocks learns letters from a
text of 1,600; a model from Hugging Face is measured by the same call.
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from agop import Rademacher, measure
from agop.network import next_token_forward


class Attention(nn.Module):
    """Causal attention with two heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Mix each position with those before it."""
        q, k, v = (part(x).unflatten(-1, (2, -1)).transpose(1, 2) for part in (self.q, self.k, self.v))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention and two linear layers about a residual stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention, self.up, self.down = Attention(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Add what attention and the linear layers find."""
        x = x + self.attention(self.first(x))
        return x + self.down(nn.functional.gelu(self.up(self.second(x))))


torch.manual_seed(0)
text = load_digits().DESCR.encode("ascii", "replace")[:1600]
ids = torch.tensor(list(text)).reshape(-1, 40)
model = nn.Sequential(nn.Embedding(128, 32), Block(32), Block(32), Block(32), nn.LayerNorm(32), nn.Linear(32, 128))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(80):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
    optimizer.step()

# %%
# Gradients of 128 outputs at every position would take 128 passes: random signs, eight of them here, estimate the AGOP,
# and its error is stated. Letters that occur fewer than ten times are left out of collapse.

record = measure(model.eval(), ids.split(10), forward=next_token_forward, outputs=Rademacher(8), min_count=10)
record

# %%
# Collapse along the depth; layers that lie beside each other are not joined by a line.

record.plot("nc1")

# %%
# Queries, keys, values and the others each along the depth.

record.plot("depth")

# %%
# The columns of a table, for a layer of each kind in the last block.

frame = record.to_frame()
last = frame[(frame["stage"] == "input") & frame["layer"].str.startswith("3.")]
last[["layer", "nc1_trace_ratio", "nfa_pearson_root", "agop_error"]].round(3)

# sphinx_gallery_thumbnail_path = "gallery/language-model.png"
