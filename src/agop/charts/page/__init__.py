"""A document as one page."""
