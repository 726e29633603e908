"""One offline page: what it says, and that it needs nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from agop.errors import InputError, MissingExtraError
from agop.reports import deep_rfm_findings, figures, page, write_deep_rfm_report

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REFERENCES = {"src", "href", "xlink:href", "data", "action", "poster", "srcset", "background"}


class Page(HTMLParser):
    """Tags, references, list items, cells and styles of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.items, self.rows, self.styles, self._inside = [], [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in REFERENCES]
        self.styles += [value for name, value in attributes if name == "style"]
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag == "li":
            self.items.append("")

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "li":
            self.items[-1] += data
        if self._inside in ("td", "th"):
            self.rows[-1].append(data)
        if self._inside == "style":
            self.styles.append(data)


@pytest.fixture(scope="module")
def text(run):
    path = write_deep_rfm_report(run, run.path / "report.html")
    assert path == run.path / "report.html"
    return path.read_text(encoding="utf-8")


def test_nothing_comes_from_outside(text):
    found = Page(text)
    assert all(reference.startswith(("#", "data:image/png;base64,")) for reference in found.references)
    assert len(found.references) > 10
    assert not {"script", "link", "iframe", "object", "embed", "base", "audio", "video"} & set(found.tags)
    for style in found.styles:
        assert "@import" not in style
        assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", style))


def test_one_html_document(text):
    assert text.startswith("<!doctype html>")
    assert text.count("<?xml") == text.count("<!DOCTYPE") == 0
    found = Page(text)
    assert found.tags.count("html") == found.tags.count("h1") == 1
    assert found.tags.count("svg") == found.tags.count("figure") == 3
    assert "<title>Deep RFM on digits</title>" in text
    assert '<meta charset="utf-8">' in text


def test_findings_come_first(run, text):
    found = Page(text)
    assert found.items == deep_rfm_findings(run.metrics())
    assert found.tags.index("li") < found.tags.index("svg")


def test_numbers_settings_and_machine(run, text):
    rows = Page(text).rows
    header = ["layer", "NC1 input", "NC1 AGOP", "NC1 features", "NC2 input", "NC1 control", "test accuracy"]
    assert rows[0] == header
    assert rows[1] == ["1", "11.3", "2.83", "22.6", "0.1", "11.3", "0.7600"]
    assert rows[3] == ["3", "0.707", "0.177", "1.41", "0.0333", "25.5", "0.7800"]
    rest = dict(row for row in rows[4:] if row)
    assert rest["settings: data"] == "digits"
    assert rest["versions: torch"] == run.info()["versions"]["torch"]
    assert rest["machine: cores"] == str(run.info()["machine"]["cores"])
    assert rest["seconds"] == "1.5"


def test_what_is_missing_is_a_dash(make_run):
    run = make_run(depth=1, seeds=(0,), control=False)
    run.rewrite({**line, "test_accuracy": None} for line in run.metrics())
    found = Page(write_deep_rfm_report(run, run.path / "page.html").read_text(encoding="utf-8"))
    assert found.rows[1][5:] == ["–", "–"]
    assert not any("accuracy" in item for item in found.items)


def test_permuted_labels_are_told_first(make_run, text):
    run = make_run(depth=1, control=False, permute_labels=True)
    page = write_deep_rfm_report(run, run.path / "page.html").read_text(encoding="utf-8")
    assert "The labels were permuted:" in page
    assert page.index("permuted:") < page.index("<li>")
    assert "permuted:" not in text


def test_texts_are_escaped(make_run):
    run = make_run(depth=1, control=False, notes=["<script>alert(1)</script>", "a & b"])
    page = write_deep_rfm_report(run, run.path / "page.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a &amp; b" in page
    assert "<script" not in page


def test_size_of_the_largest_usual_run(make_run):
    run = make_run(depth=20, seeds=(0, 1, 2), gram_size=200)
    path = write_deep_rfm_report(run, run.path / "report.html")
    assert path.stat().st_size < 8_000_000


def test_page_is_replaced_whole(run, text, monkeypatch):
    path = run.path / "report.html"

    def broken(lines):
        raise InputError("numbers", "none", "Run again.")

    monkeypatch.setattr(page, "deep_rfm_findings", broken)
    with pytest.raises(InputError):
        write_deep_rfm_report(run, path)
    assert path.read_text(encoding="utf-8") == text
    assert not list(run.path.glob(".*"))


@pytest.mark.parametrize(("module", "package"), [(page, "jinja2"), (figures, "matplotlib")])
def test_missing_packages(run, tmp_path, monkeypatch, module, package):
    monkeypatch.setattr(module, "_MISSING", ImportError(package))
    with pytest.raises(MissingExtraError, match=rf"expected {package}, .*pip install 'agop\[report\]'"):
        write_deep_rfm_report(run, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_has_nothing_to_complain_about(run, text, tmp_path):
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    command += ["--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]

    def load(path):
        done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, [message for message in done.stderr.splitlines() if "CONSOLE" in message]

    dom, messages = load(run.path / "report.html")
    assert messages == []
    assert dom.count("<svg") == 3
    assert dom.rstrip().endswith("</html>")
    broken = tmp_path / "broken.html"
    broken.write_text("<script>missing()</script>")
    assert load(broken)[1]  # so that silence means something
