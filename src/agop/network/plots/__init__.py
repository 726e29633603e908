"""Plots of networks, and what their numbers say."""
