"""The page as a file: one document that needs nothing else, whose words come from the numbers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from agop.charts.findings import findings_table
from agop.charts.kind import all_kinds
from agop.charts.page import html as page
from agop.errors import InputError, MissingExtraError
from agop.reports import document_of, report, result_of

pytest.importorskip("plotly")
pytest.importorskip("jinja2")

REFERENCES = {"src", "href", "xlink:href", "data", "action", "poster", "srcset", "background"}


class Page(HTMLParser):
    """Tags, references, list items, cells, and the text of the elements of each class."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.rows, self.classed = [], [], [], {}
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in REFERENCES]
        if tag not in self.VOID:
            self._open.append((tag, dict(attributes).get("class")))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if name := dict(attributes).get("class"):
            self.classed.setdefault(name, []).append("")

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if not self._open:
            return
        tag, kind = self._open[-1]
        if tag in ("td", "th", "mark"):
            self.rows[-1][-1] += data.replace("\u00a0", " ")
        if kind:
            self.classed[kind][-1] += data


def data_of(text):
    """Plots of a page by name, unpacked."""
    packed = re.search(r'id="report-data">([^<]*)</script>', text)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def rows_of(findings):
    """Rows of a table of findings as they are written."""
    table = findings_table(findings)
    return [list(row) for row in (table.columns, *table.rows)]


@pytest.fixture(scope="module")
def text(run):
    path = report(run, run.path / "report.html")
    assert path == run.path / "report.html"
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found(text):
    return Page(text)


def test_one_html_document(text, found):
    assert text.startswith("<!doctype html>")
    assert found.tags.count("html") == found.tags.count("h1") == found.tags.count("main") == 1
    assert "<title>Deep RFM on digits</title>" in text
    assert '<meta charset="utf-8">' in text


def test_nothing_comes_from_outside(text, found):
    assert all(reference.startswith(("#", "data:")) for reference in found.references)
    assert not {"iframe", "object", "embed", "base", "audio", "video", "img"} & set(found.tags)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "@import" not in style
    assert "url(" not in style


def test_the_library_is_inside_once(text):
    (packed,) = re.findall(r'<script type="text/plain" id="plotly">([^<]*)</script>', text)
    assert gzip.decompress(base64.b64decode(packed)).decode() == pytest.importorskip("plotly.offline").get_plotlyjs()
    assert len(text.encode()) < 2_500_000


def test_no_script_runs_whose_hash_the_policy_does_not_name(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    sources = re.search(r"script-src ([^;]*);", policy)[1].split()
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert [f"'sha256-{found}'" for found in hashes] == sources[:-1]
    assert all(source.startswith("'sha256-") for source in sources)
    assert "base-uri 'none'" in policy
    assert "form-action 'none'" in policy


def test_links_lead_somewhere(text, found):
    inside = [reference for reference in found.references if reference.startswith("#")]
    assert inside
    for reference in inside:
        assert f'id="{reference[1:]}"' in text


def test_findings_come_first(run, found):
    document = document_of([result_of(run)])
    summary = [list(row) for row in (document.summary.table.columns, *document.summary.table.rows)]
    expected = [*summary, *rows_of(document.findings)]
    assert [text.replace("\u00a0", " ") for text in found.classed["verdict"]] == [document.summary.sentence]
    assert len(document.summary.deciding) == found.tags.count("mark") == 1
    assert found.rows[: len(expected)] == expected


def test_a_finding_above_each_plot(run, found):
    document = document_of([result_of(run)])
    tables = [rows_of(findings) for findings in (document.findings, *(plot.findings for plot in document.plots))]
    summary = [list(row) for row in (document.summary.table.columns, *document.summary.table.rows)]
    expected = [*summary, *(row for table in tables for row in table)]
    assert found.rows[: len(expected)] == expected
    assert len(tables) == 6


def test_numbers_settings_and_machine(run, found):
    header = ["layer", "NC1 input", "NC1 AGOP", "NC1 features", "NC2 input", "NC1 control", "test accuracy"]
    start = found.rows.index(header)
    assert found.rows[start + 1] == ["1", "11.3", "2.83", "22.6", "0.1", "11.3", "0.7600"]
    rest = dict(row for row in found.rows[start + 4 :] if row)
    assert rest["settings: data"] == "digits"
    assert rest["versions: torch"] == run.info()["versions"]["torch"]
    assert rest["machine: cores"] == str(run.info()["machine"]["cores"])
    assert rest["seconds"] == "1.5"


def test_permuted_labels_and_notes_are_told_first(make_run, found):
    run = make_run(depth=1, control=False, permute_labels=True, notes=["rows were dropped"])
    text = report(run, run.path / "page.html").read_text(encoding="utf-8")
    other = Page(text)
    assert other.classed["note"][1:] == ["The labels were permuted: this is the baseline."]
    assert "What was left out, and why (1)" in text
    assert "<li>rows were dropped</li>" in text
    assert len(found.classed["note"]) == 1  # that scripts are needed
    assert "remarks" not in found.classed


def test_texts_are_escaped(make_run):
    run = make_run(depth=1, control=False, notes=["<script>alert(1)</script>", "a & b"], data="</script><b>")
    text = report(run, run.path / "page.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a &amp; b" in text
    assert Page(text).tags.count("script") == 3
    assert "b" not in Page(text).tags


def test_data_of_the_page_are_those_of_the_run(run, text):
    data = data_of(text)
    assert list(data) == ["nc1", "nc2", "gram", "spectra", "accuracy"]
    first = data["nc1"]["chart"]["curves"][0]
    lines = [line for line in run.metrics() if (line["control"], line["stage"]) == (False, "input")]
    for layer, height in zip(first["x"], first["y"], strict=True):
        values = [line["nc1_trace_ratio"] for line in lines if line["layer"] == layer]
        assert height == pytest.approx(np.exp(np.log(values).mean()), rel=5e-5)  # five digits


def test_captions_of_pictures_say_that_pixels_are_rounded(text):
    assert text.count("rounded to 1/127 of the largest magnitude in their picture.</figcaption>") == 1
    assert re.search(r'id="gram-caption">[^<]* are rounded to 1/127', text)


def test_size_of_the_largest_usual_runs(make_run, tmp_path):
    runs = [make_run(depth=20, seeds=(0, 1, 2), gram_size=200) for _ in range(3)]
    named = {str(place): run for place, run in enumerate(runs)}
    for record in (runs[0], named):
        assert report(record, tmp_path / "report.html").stat().st_size < 2_500_000


def test_page_is_replaced_whole(run, text, monkeypatch):
    def broken(plot):
        raise InputError("numbers", "none", "Run again.")

    monkeypatch.setattr(page, "_numbers", broken)
    with pytest.raises(InputError, match="numbers, got none"):
        report(run, run.path / "report.html")
    assert (run.path / "report.html").read_text(encoding="utf-8") == text
    assert not list(run.path.glob(".*.tmp"))


def test_the_folder_must_exist(run, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        report(run, tmp_path / "missing" / "report.html")


@pytest.mark.parametrize("package", ["jinja2", "plotly"])
def test_missing_packages(run, tmp_path, monkeypatch, package):
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"expected {package}, .*pip install 'agop\[report\]'"):
        report(run, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_every_definition_has_a_source():
    for meaning, source in (term for kind in all_kinds().values() for term in kind.terms.values()):
        assert len(meaning) > 30
        assert source
