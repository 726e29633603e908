"""One page for people from whatever they have at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agop.charts.kind import accepting
from agop.charts.page.html import write_page
from agop.reports.contents import document_of
from agop.reports.results import read_results, result_of

__all__ = ["report"]


def report(record: Any, path: str | os.PathLike[str]) -> Path:
    """Write one self-contained HTML page that shows what was found.

    It opens from the disk without a network: plots, data behind buttons, findings computed from the numbers, and
    definitions with their sources are all inside. It reads in light and dark, on a phone, on paper and aloud.

    Parameters
    ----------
    record
        A ``NetworkRecord``, ``Tracker``, ``Explanation``, fitted ``DeepRFMClassifier``, ``ConvRFMClassifier``,
        ``RFMRegressor``, ``RFMClassifier`` or pipeline of ``table_pipeline``, a ``Run`` or the path of a run folder or
        a model file; or several to compare, as a list, or as a mapping from their names.
    path
        HTML file to write; it is replaced whole or left as it was.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there is nothing to show, two have one name, or the folder of the file does not exist.
    DataFileError
        If files of a run are missing or damaged.
    sklearn.exceptions.NotFittedError
        If a model is not fitted.
    MissingExtraError
        If jinja2 or plotly is not installed.

    Examples
    --------
    >>> import re, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from agop import DeepRFMClassifier, report
    >>> model = DeepRFMClassifier(depth=2, random_state=0).fit(*load_digits(n_class=3, return_X_y=True))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(model, Path(folder, "report.html")).read_text(encoding="utf-8")
    >>> re.findall("<h1>(.*)</h1>", page), len(page) < 2_500_000
    (['Deep RFM'], True)
    """
    if isinstance(record, Mapping) and accepting(record) is None:
        results = [result_of(value, str(name)) for name, value in record.items()]
    elif isinstance(record, list | tuple) and record and all(isinstance(each, str | os.PathLike) for each in record):
        results = read_results(record)
    else:
        results = [result_of(value) for value in (record if isinstance(record, list | tuple) else [record])]
    return write_page(document_of(results), Path(path))
