"""`tamis contract` proposes, compares and reads contracts, and leaves with the right code."""

from __future__ import annotations

import json

import pytest
from contract_text import written


@pytest.fixture
def rows(tmp_path):
    """A few rows."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "n": 1}\n{"id": "b", "n": 2}\n')
    return path


def test_a_proposal_is_written_once_and_kept_by_the_data(tamis, rows, tmp_path):
    out = tmp_path / "c.odcs.yaml"
    assert tamis("contract", "init", rows, "-o", out)[0] == 0
    assert tamis("check", rows, "-c", out)[0] == 0
    code, said = tamis("contract", "init", rows, "-o", out)
    assert (code, "is there already" in said) == (3, True)


def test_a_private_column_that_is_not_there_is_said(tamis, rows):
    code, said = tamis("contract", "init", rows, "--private", "mail")
    assert (code, "no column is called 'mail'; there are id, n" in said) == (2, True)


@pytest.mark.parametrize(("whom", "code"), [("both", 1), ("readers", 1), ("writers", 0)])
def test_diff_leaves_with_1_where_somebody_breaks(tamis, tmp_path, whom, code):
    for name, required in (("old", True), ("new", False)):
        (tmp_path / name).mkdir()
        written(tmp_path / name, [{"name": "a", "required": required}])
    old, new = (tmp_path / name / "contract.odcs.yaml" for name in ("old", "new"))
    assert tamis("contract", "diff", old, new, "--for", whom)[0] == code
    found = json.loads(tamis("contract", "diff", old, new, "--json")[1])
    assert found["changes"][0]["breaks"] == ["readers"]


def test_lint_names_line_and_column(tamis, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nschema:\n  - nam: t\n")
    code, said = tamis("contract", "lint", path)
    assert (code, f"{path}:6:5: unknown key 'nam'" in said) == (2, True)


def test_a_check_is_written_as_openlineage(tamis, rows, tmp_path):
    written(tmp_path, [{"name": "n", "logicalType": "integer", "logicalTypeOptions": {"maximum": 1}}])
    out = tmp_path / "event.json"
    assert tamis("check", rows, "-c", tmp_path / "contract.odcs.yaml", "--openlineage", out, "--quiet")[0] == 1
    (dataset,) = json.loads(out.read_text())["inputs"]
    found = {a["assertion"]: a["success"] for a in dataset["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert found == {"type": True, "maximum": False}


def test_a_reference_without_a_path_is_a_slip(tamis, rows, tmp_path):
    written(tmp_path, [{"name": "n"}])
    code, said = tamis("check", rows, "-c", tmp_path / "contract.odcs.yaml", "--reference", "n")
    assert (code, "wanted TABLE=PATH" in said) == (2, True)
