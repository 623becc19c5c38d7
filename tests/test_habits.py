"""The pages a visitor sees first say what is true: notices, issue forms, citation, URLs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vimatte.models.assets import ASSETS

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "THIRD_PARTY_NOTICES.md",
    "docs/releasing.md",
    "docs/versioning.md",
)
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short(name: str) -> None:
    # A row of a table cannot be broken.
    text = [line for line in read(name).splitlines() if not line.startswith("|")]
    assert [line for line in text if len(line) > 100] == []


def test_notices_name_everything_that_is_fetched() -> None:
    notices = read("THIRD_PARTY_NOTICES.md")
    for asset in ASSETS.values():
        (row,) = (line for line in notices.splitlines() if line.startswith(f"| `{asset.name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == asset.wheel.requirement
        assert cells[2] == ", ".join(f"`{member.file_name}`" for member in asset.members)
        assert cells[3].startswith(asset.licence)
        assert cells[4] == ("yes" if asset.commercial_use else "no")


def test_notices_name_every_dependency_and_its_extra() -> None:
    pyproject = read("pyproject.toml")
    notices = read("THIRD_PARTY_NOTICES.md")
    rows = [line for line in notices.splitlines() if line.startswith("| ")]
    package = re.compile(r'"([A-Za-z][A-Za-z0-9_.-]*)[><=]=')

    def listed(name: str, extra: str | None) -> bool:
        for row in rows:
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            if name in cells[0].split(", ") and (extra is None or cells[1] == extra):
                return True
        return False

    base = package.findall(pyproject.split("\ndependencies = [")[1].split("\n]")[0])
    assert len(base) > 8
    assert [name for name in base if not listed(name, None)] == []
    table = pyproject.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = re.findall(r"(?ms)^([a-z]+) = \[(.*?)\]$", table)
    assert {extra for extra, _ in extras} == {"people", "farm", "fuzz", "ui", "dev"}
    for extra, block in extras:
        assert [name for name in package.findall(block) if not listed(name, extra)] == []


def test_issue_forms_can_be_read_and_ask_for_what_helps() -> None:
    yaml = pytest.importorskip("yaml")
    assert [path.name for path in FORMS] == [
        "bug.yml",
        "config.yml",
        "feature.yml",
        "wrong_matte.yml",
    ]
    for path in FORMS:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name == "config.yml":
            continue
        assert {"name", "description", "body"} <= form.keys()
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(set(ids)) == len(ids)
        for part in form["body"]:
            assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
            assert part["attributes"].get("label") or part["type"] == "markdown"
    for name in ("bug.yml", "wrong_matte.yml"):
        assert "`vimatte doctor --json`" in read(f".github/ISSUE_TEMPLATE/{name}")
    assert "qc.html" in read(".github/ISSUE_TEMPLATE/wrong_matte.yml")


def test_the_citation_can_be_read_and_holds_no_second_version() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert "version" not in citation, "the version stands in _version.py alone"
    assert citation["license"] == "MIT"


def test_project_urls_stand_in_one_place_and_are_all_or_none() -> None:
    pyproject = read("pyproject.toml")
    assert len(re.findall(r"(?m)^(?:# )?\[project\.urls\]$", pyproject)) == 1
    given = [line for line in pyproject.splitlines() if "project.example" in line]
    if "\n[project.urls]" in pyproject:
        assert given == [], "fill in every URL"
    else:
        assert given, "the block for the owner is gone"
        assert all(line.startswith("# ") for line in given)
    pages = [*PAGES, "CITATION.cff", *(path.relative_to(ROOT).as_posix() for path in FORMS)]
    assert [name for name in pages if "project.example" in read(name)] == []


def test_the_readme_opens_with_a_picture_that_loads_fast() -> None:
    first = read("README.md").split("\n## ")[0]
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", first)
    assert (ROOT / picture).stat().st_size < 300_000
