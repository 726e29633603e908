"""Networks of the paper, trained and measured."""
