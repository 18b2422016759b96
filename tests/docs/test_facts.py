"""What the pages state as fact is what the package does: names, routes, settings, files, parts and their licences."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

import pytest
import yaml
from page_blocks import ROOT

from skelzero.clips.store_card import NUMBER_COLUMNS, PLACE_COLUMNS, TEXT_COLUMNS, StoreCard
from skelzero.encoders import ENCODERS
from skelzero.methods import METHODS
from skelzero.protocol.detectors import DETECTORS
from skelzero.protocol.figures import SETTINGS
from skelzero.protocol.gates import GATES
from skelzero.readers import READERS
from skelzero.text import TEXT_ENCODERS


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows but for headings."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|-: ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_method_has_its_row_and_page() -> None:
    listed = " ".join(row[0] for row in rows(page("methods/index.md")))
    for name in METHODS:
        family, _, ablation = name.partition(":")
        assert f"`{family}`" in listed and (not ablation or f"`{name}`" in page("methods/scale.md")), name
    for link in re.findall(r"\]\(([a-z-]+\.md)\)", page("methods/index.md")):
        told = page(f"methods/{link}").lower()
        assert "what differs" in told or link == "attributes.md", f"{link}: how it differs from its publication"


@pytest.mark.parametrize(
    ("name", "method", "settings"),
    [
        ("scale.md", "scale", {"steps": 200, "batch": 32, "text_noise": 0.5, "reference": 256, "lambda_list": 0.1,
                               "hardness": 0.5, "hardness_temperature": 0.1, "margin": 0.05, "free_bits": 0.02}),
        ("msf.md", "msf", {"steps": 1000, "rate": 1e-3, "classifier_rate": 1e-2, "cycle_steps": 1700, "latent": 100}),
        ("msf.md", "msf-published", {"rate": 1e-4, "classifier_rate": 1e-3, "noise": "shared", "standardize": False}),
        ("pgfa.md", "pgfa", {"scale": 5.0, "sharpness": 10.0}),
        ("smie.md", "smie", {"hidden": 256, "second": 128, "steps": 300, "constraint": 0.5, "margin": 0.1}),
        ("smie.md", "smie-published", {"hidden": 1024, "second": 512, "epochs": 100, "batch": 128, "rate": 1e-5}),
        ("devise.md", "devise", {"margin": 0.1, "steps": 200, "batch": 64, "rate": 3e-4}),
        ("conse.md", "conse", {"top_t": 10}),
        ("revise.md", "revise", {"hidden": 100, "code": 50, "margin": 0.3, "kernel": 0.5, "contraction": 1e-4}),
        ("jpose.md", "jpose", {"part": 128, "joint": 128, "margin": 0.3, "within": 0.01}),
        ("cada-vae.md", "cada-vae", {"hidden": 128, "text_hidden": 64, "steps": 500, "batch": 64}),
        ("synse.md", "synse", {"steps": 500, "rate": 1e-3, "cycles": 10, "hidden": 0}),
        ("attributes.md", "skelzero", {"prior": 3.0, "correction": 3.0, "ridge": 1.0}),
    ],
)  # fmt: skip
def test_numbers_of_a_methods_page_are_its_settings(name: str, method: str, settings: dict[str, Any]) -> None:
    found = METHODS[method]().settings.model_dump()
    assert {key: found[key] for key in settings} == settings and method in page(f"methods/{name}")


def test_settings_of_the_protocol() -> None:
    text = page("protocol.md")
    named = {"zsl", "gzsl", "zsl-transductive", "gzsl-transductive", "one-shot", "one-shot-text"}
    assert all(f"`{name}`" in text for name in named)
    suffixed = {f"zsl-transductive-{end}" for end in ("guarded", "balanced")}
    assert named | suffixed | {f"gzsl-{gate}" for gate in GATES} == set(SETTINGS)


def test_every_gate_has_its_row() -> None:
    listed = {row[0].strip("`") for row in rows(page("methods/gates.md"))[1:]}
    assert listed == {f"gzsl-{name}" for name in (*DETECTORS, "msf", "combined")}


def test_every_format_has_its_row() -> None:
    listed = {name for row in rows(page("own-data.md"))[1:] for name in re.findall(r"`([a-z0-9-]+)`", row[0])}
    assert listed == set(READERS)


def test_pages_that_add_something_name_the_suite_that_judges_it() -> None:
    suites = {"reader": "tests/readers/test_contract.py", "encoder": "tests/encoders/test_contract.py",
              "method": "tests/methods/test_contract.py", "text-encoder": "tests/text/test_encoders.py"}  # fmt: skip
    for name, suite in suites.items():
        assert f"pytest -p " in page(f"extend/{name}.md") and suite in page(f"extend/{name}.md")  # noqa: F541
        assert (ROOT / suite).is_file()
    added = {"plain25", "bone-mixer", "nearest-means", "letter-pairs"}
    assert not added & {*READERS, *ENCODERS, *METHODS, *TEXT_ENCODERS}, "the examples are not in the package"


def test_the_store_is_as_described() -> None:
    text = page("clip-format.md")
    columns, fields = (
        re.search(rf"{start}(.+?)\n\n", text, re.DOTALL) for start in ("Columns of", "Fields of the card")
    )
    assert columns and fields
    for name in (*TEXT_COLUMNS, *NUMBER_COLUMNS, *PLACE_COLUMNS, "fps"):
        assert f"`{name}`" in columns[1], name
    for name in StoreCard.model_fields:
        assert f"`{name}`" in fields[1], name


def test_the_table_of_routes_is_the_servers() -> None:
    pytest.importorskip("fastapi", reason="the server needs skelzero[serve]")
    from skelzero.server import Settings
    from skelzero.server.app import create_app
    from skelzero.server.metrics import Metrics
    from skelzero.server.pool import Pool

    app = create_app(Pool(Settings(), Metrics())).app
    described = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    sockets = {("WS", route.path) for route in app.routes if type(route).__name__ == "APIWebSocketRoute"}
    listed = {tuple(found) for row in rows(page("server.md")) for found in re.findall(r"^`([A-Z]+) (/\S+)`$", row[0])}
    assert listed == described | sockets
    form = app.openapi()["components"]["schemas"]["Body_recognize_api_recognize_post"]["properties"]
    recognise = next(row[1] for row in rows(page("server.md")) if row[0] == "`POST /api/recognize`")
    assert set(form) == set(re.findall(r"`([a-z_]+)`", recognise.split("?")[0]))


def test_every_part_has_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(part for extra in project["optional-dependencies"].values() for part in extra),
    ]
    names = {re.split(r"[\[<>=~;]", part)[0] for part in wanted} - {"skelzero"}
    listed = {row[0]: row[1] for row in rows(page("licences.md"))}
    assert names == set(listed) - {"part"}
    for name, licence in listed.items():
        if name == "part":
            continue
        try:
            facts = metadata(name)
        except PackageNotFoundError:
            continue
        told = " ".join([facts.get("License-Expression") or "", facts.get("License") or "",
                         *(facts.get_all("Classifier") or [])])  # fmt: skip
        family = re.split(r"[- ]", licence)[0]
        told = told.replace("Python Software Foundation", "PSF").replace("Mozilla", "MPL")
        assert not told.strip() or family.lower() in told.lower(), f"{name}: {licence}, but its makers say {told[:80]}"


def test_the_citation_names_the_three_publications() -> None:
    value = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (value["version"], value["license"]) == (project["version"], project["license"])
    papers = [reference["identifiers"][0]["value"] for reference in value["references"]]
    assert papers == ["arXiv:2604.02222", "arXiv:2309.09592", "arXiv:2507.00566"]
    for paper in papers:
        assert paper.removeprefix("arXiv:") in " ".join(page(f"methods/{name}.md") for name in ("scale", "msf", "pgfa"))


def test_the_model_card_has_the_figures_of_the_first_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    figures = {name: re.search(rf"(\d+) %\s+of\s+{name}", readme) for name in ("MSR-Action3D", "UTD-MHAD", "NW-UCLA")}
    for name, found in figures.items():
        assert found and re.search(rf"{found[1]} %\s+of\s+{name}", page("model-card.md")), name
