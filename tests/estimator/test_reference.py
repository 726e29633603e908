"""Links of estimators to the reference of the package."""

from __future__ import annotations

from inspect import isabstract

import pytest
from sklearn.base import BaseEstimator

import agop
from agop import conv_rfm, deep_rfm, kernels, rfm, tables
from agop.estimator.reference import ADDRESS


def classes():
    """Every public class with scikit-learn's diagram, and the room that documents it."""
    rooms = (conv_rfm, deep_rfm, kernels, rfm, tables)
    found = [(room, getattr(room, name)) for room in rooms for name in room.__all__]
    estimators = [(room, each) for room, each in found if isinstance(each, type) and issubclass(each, BaseEstimator)]
    return [(room, each) for room, each in estimators if not isabstract(each)]


def test_each_links_to_where_it_is_documented(monkeypatch):
    monkeypatch.setenv(ADDRESS, "https://docs.example/{v}/")
    assert len(classes()) > 12
    for room, each in classes():
        link = f"https://docs.example/{{v}}/api/{room.__name__}.html#{room.__name__}.{each.__name__}"
        assert each._get_doc_link(each.__new__(each)) == link


def test_the_diagram_holds_the_link_and_without_an_address_none(monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.delenv(ADDRESS, raising=False)
    pipeline = agop.table_pipeline("regression")
    assert "agop.rfm.html" not in pipeline._repr_html_()
    monkeypatch.setenv(ADDRESS, "https://docs.example")
    html = pipeline._repr_html_()
    for place in ("agop.tables.html#agop.tables.TableEncoder", "agop.rfm.html#agop.rfm.RFMRegressor"):
        assert f'href="https://docs.example/api/{place}"' in html


def test_the_declared_address_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    urls = ["Source, https://code.example", "Documentation, https://docs.example/"]
    monkeypatch.setattr("agop.estimator.reference.metadata", lambda name: type("M", (), {"get_all": lambda *_: urls})())
    assert kernels.Laplace()._get_doc_link() == "https://docs.example/api/agop.kernels.html#agop.kernels.Laplace"
