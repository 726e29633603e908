"""One offline HTML page for a run (extra ``report``)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from agop.errors import MissingExtraError
from agop.records import summarise_seeds
from agop.reports.figures import deep_rfm_figures
from agop.reports.findings import deep_rfm_findings
from agop.runs import Run
from agop.storage import write_text_atomic

try:
    import jinja2
except ImportError as error:  # the extra is not installed: a run still finishes
    _MISSING: ImportError | None = error
else:
    _MISSING = None

__all__ = ["write_deep_rfm_report"]


def write_deep_rfm_report(run: Run, path: Path) -> Path:
    """Write a self-contained page: what was found, figures, a table, and the settings.

    Parameters
    ----------
    run
        Folder of ``agop deep-rfm``.
    path
        HTML file to write.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    if _MISSING is not None:
        raise MissingExtraError(
            "jinja2", "an environment without it", "Install agop with its extra: pip install 'agop[report]'."
        ) from _MISSING
    info, lines = run.info(), run.metrics()
    nc1, nc2 = (summarise_seeds(lines, name) for name in ("nc1_trace_ratio", "nc2_gram_mse"))
    accuracy = summarise_seeds(lines, "test_accuracy", log=False)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        files("agop.reports").joinpath("deep_rfm.html.jinja").read_text(encoding="utf-8")
    )
    page = template.render(
        info=info,
        findings=deep_rfm_findings(lines),
        figures={name: text[text.index("<svg") :] for name, text in deep_rfm_figures(run).items()},
        layers=sorted({line["layer"] for line in lines}),
        nc1=nc1,
        nc2=nc2,
        accuracy=accuracy,
    )
    write_text_atomic(path, page)
    return path
