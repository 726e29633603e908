"""Drawings of the figures of the paper."""
