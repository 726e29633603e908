"""Figures of the paper, one a file."""
