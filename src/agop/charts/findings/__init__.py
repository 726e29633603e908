"""Findings: what numbers say."""
