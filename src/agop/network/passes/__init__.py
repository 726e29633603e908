"""Two passes over the data: what they gather at every layer."""
