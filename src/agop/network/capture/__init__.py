"""Calls of linear layers, watched from outside."""
