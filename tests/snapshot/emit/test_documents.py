from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tamis.snapshot.emit import documents
from tamis.snapshot.emit.dossier import UNKNOWN
from tamis.snapshot.folder import open_snapshot

from .conftest import SECRET, freeze_rows, rows

LONG = "Permission is hereby granted, free of charge, to any person obtaining a copy of this quixotry. " * 9


def test_no_document_holds_text_of_a_row(frozen: Path) -> None:
    found = documents(open_snapshot(frozen))
    assert {name for name, data in found.items() if SECRET in data.decode()} == set()


def test_documents_are_the_same_each_time_and_on_disk(frozen: Path) -> None:
    first = documents(open_snapshot(frozen))
    assert first == documents(open_snapshot(frozen)) == {name: (frozen / name).read_bytes() for name in first}


@pytest.mark.parametrize(
    "odd",
    [
        {"source": "a|b\n# <script>alert(1)</script>"},
        {"license": LONG},
        {"license": "MIT\n---\nx: |"},
        {"license": None, "url": None, "collected_at": None},
        {"url": "https://[::1]:80/x"},
        {"url": "https://<b>.example/`x`"},
        {"collected_at": "2026-02-31T99"},
    ],
    ids=["source", "licence text", "yaml", "nothing", "address", "host", "day"],
)
def test_odd_names_break_no_document(odd: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    from .test_cyclonedx import wrong
    from .test_spdx import parsed

    folder = freeze_rows(tmp_path, [{**row, **odd} for row in rows("document", 6)])
    assert wrong(folder / "bom.cdx.json") is None
    parsed(folder / "dataset.spdx.json")
    card = (folder / "README.md").read_text("utf-8")
    assert "<script>" not in card and "<b>" not in card and SECRET not in card


def test_a_snapshot_without_contract_or_evidence_has_its_documents_and_says_what_is_unknown(tmp_path: Path) -> None:
    folder = freeze_rows(tmp_path, rows("document", 4), contract=False)
    shutil.rmtree(folder / "evidence")
    found = documents(open_snapshot(folder))
    assert json.loads(found["dpts.json"])["source"]["issuer"] == {"value": UNKNOWN, "from": None}
    assert b"**Provider and contact:** UNKNOWN" in found["eu_summary.md"]


def test_a_contract_may_declare_anything_that_yaml_holds(copied: Path) -> None:
    odd = [{"a": [1, None]}, date(2026, 10, 1), float("nan"), ["x", "y"], True, "a: |\n#"]
    names = [f"dpts.{n}" for n in ("issuer", "issueDate", "consentLocation", "source", "method", "title")]
    names += ["eu.provider", "eu.models", "rai.dataBiases", "rai.dataSocialImpact", "url", "spdx.datasetNoise"]
    said = {"customProperties": [{"property": n, "value": odd[k % 6]} for k, n in enumerate(names)]}
    path = copied / "evidence/contract.odcs.yaml"
    path.write_text(yaml.safe_dump({"name": 7, "description": ["no", "mapping"], "schema": [None, {}], **said}))
    found = documents(open_snapshot(copied))
    assert json.loads(found["dpts.json"])["source"]["issuer"]["value"] == {"a": [1, None]}
    assert json.loads(found["dpts.json"])["provenance"]["issueDate"]["value"] == "2026-10-01"


def test_a_snapshot_of_no_rows_has_its_documents(tmp_path: Path) -> None:
    folder = freeze_rows(tmp_path, rows("document", 4), {"quality.gopher@1": {"min_words": 9000}}, contract=False)
    assert b"0 rows" in documents(open_snapshot(folder))["eu_summary.md"]


def test_gaps_and_what_the_contract_fills_stand_apart(frozen: Path) -> None:
    found = json.loads((frozen / "dpts.json").read_bytes())
    assert found["source"]["issuer"] == {"value": "Example Ltd", "from": "contract"}
    assert found["provenance"]["generationRange"]["from"] == "ledger"
    fields = [field for part in ("source", "provenance", "use") for field in found[part].items()]
    assert len(fields) == 22
    assert found["unknown"] == [name for name, field in fields if field["value"] == UNKNOWN]


def test_the_summary_names_a_tenth_of_the_hosts_and_the_gaps(frozen: Path) -> None:
    found = (frozen / "eu_summary.md").read_text("utf-8")
    assert "The 1 of 3 hosts" in found and "host0.example" in found and "me:pw" not in found
    assert "**Provider and contact:** Example Ltd" in found and "`eu.optOutMeasures`" in found


def test_the_notice_is_of_the_rows_that_are_left(tmp_path: Path) -> None:
    left = {"license@1": {"deny": ["CC-BY-SA-*"]}}
    found = (freeze_rows(tmp_path, rows("document"), left) / "NOTICE.md").read_text("utf-8")
    assert "## CC-BY-4.0\n\n10 rows. Asks to: keep the names of the authors" in found
    assert "https://spdx.org/licenses/CC-BY-4.0.html" in found and "SA" not in found
