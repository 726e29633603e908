"""Measurements as runs: one of a model and data that are named, and one that is merged from those of parts."""
