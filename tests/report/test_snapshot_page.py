"""The pages of snapshots and of comparisons: what they say, and that nothing in the data can break them."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from making import NASTY, recipe, sentences, write_lines
from paging import FRAME, PROBE, Tags

import tamis as library
from tamis.report.changes import changes, sources
from tamis.report.comparison import comparison_page
from tamis.report.kin import kin, narrow, wide
from tamis.report.origins import by_source, origins
from tamis.report.sheet import snapshot_page
from tamis.snapshot import Snapshot, freeze, store_at
from tamis.snapshot.diff import diff
from tamis.snapshot.models import add_model

Command = Callable[..., tuple[int, str]]

CONTRACT = f"""
apiVersion: v3.1.0
kind: DataContract
id: nasty
version: 1.0.0
status: active
description: {{purpose: {json.dumps(NASTY)}}}
schema:
  - name: docs
    properties:
      - {{name: text, logicalType: string, required: true, logicalTypeOptions: {{minLength: 1}}}}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """docs 1.0.0 and a stricter 1.1.0 under a contract, synth made of the latter, and a model; names and licences NASTY."""
    folder = tmp_path_factory.mktemp("pages")
    rows = sentences(200)
    for k, row in enumerate(rows):
        row |= {"source": ["crawl", NASTY][k % 2], "license": ["MIT", NASTY, None][k % 3]}
    contract = folder / "contract.yaml"
    contract.write_text(CONTRACT, "utf-8")
    for least, version in ((5, "1.0.0"), (20, "1.1.0")):
        own = {"quality.gopher@1": {"min_words": least, "min_stop_words": 0, "min_mean_word_length": 0}}
        data = write_lines(folder / "in.jsonl", rows)
        run = library.run(recipe(own, "exact@1", name=NASTY[:90]), data, folder / f"run-{version}", engine="inline")
        freeze(run, folder / f"store/docs/{version}", contract=contract, store=folder / "store", page=snapshot_page)
    made = write_lines(folder / "synth.jsonl", [{"id": f"s{k}", "text": f"made {k}"} for k in range(9)])
    run = library.run(recipe(), made, folder / "run-synth", engine="inline")
    freeze(run, folder / "store/synth/1.0.0", derived_from=["docs@1.1.0"], store=folder / "store", page=snapshot_page)
    add_model(store_at(folder / "store"), "gist", ["synth@1.0.0"])
    return folder / "store"


@pytest.fixture(scope="module")
def pages(store: Path) -> dict[str, str]:
    """The page of a snapshot as it was frozen, as its store knows it later, and that of two compared."""
    second = Snapshot(store / "docs/1.1.0")
    return {
        "frozen": (second.path / "report.html").read_text("utf-8"),
        "later": snapshot_page(second, store_at(store)).decode(),
        "compared": comparison_page(diff(store / "docs/1.0.0", second)),
    }


@pytest.mark.parametrize("name", ["frozen", "later", "compared"])
def test_nothing_in_the_data_becomes_an_element(pages: dict[str, str], name: str) -> None:
    tags = Tags(pages[name])
    assert not {"script", "img", "iframe", "object", "form"} & set(tags.names)
    assert tags.names.count("style") == 1
    assert not [a for a in tags.attributes if a[0].startswith("on") or a[0] == "style" or "javascript:" in a[1]]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", pages[name])


@pytest.mark.parametrize("name", ["frozen", "later", "compared"])
def test_every_link_has_its_place_and_asks_for_nothing(pages: dict[str, str], name: str) -> None:
    attributes = Tags(pages[name]).attributes
    asked = {value for key, value in attributes if key in ("src", "href") and not value.startswith("#")}
    places = [value for key, value in attributes if key == "id"]
    assert asked == {"data:,"} and len(places) == len(set(places))
    assert {value[1:] for key, value in attributes if key == "href" and value.startswith("#")} <= set(places)


def test_no_text_of_a_record_is_on_a_page(store: Path, pages: dict[str, str]) -> None:
    texts = Snapshot(store / "docs/1.1.0").data(["text"]).column("text").to_pylist()
    assert not [name for name, page in pages.items() if any(text[:40] in unescape(page) for text in texts)]


def test_a_frozen_snapshot_has_its_page_and_verifies(store: Path, tamis: Command) -> None:
    assert "report.html" in (store / "docs/1.1.0/MANIFEST.sha256").read_text()
    assert tamis("verify", store / "docs/1.1.0")[0] == 0


def test_the_page_is_the_same_when_it_is_made_again(store: Path) -> None:
    second = Snapshot(store / "docs/1.1.0")
    assert snapshot_page(second, store_at(store)) == snapshot_page(second, store_at(store))


def test_the_page_counts_what_the_snapshot_holds(store: Path) -> None:
    second = Snapshot(store / "docs/1.1.0")
    told = origins(by_source(second))
    assert sum(o.rows for o in told) == sum(second.splits.values())
    assert all(sum(n for _, n in o.licences) == o.rows for o in told)


def test_sources_add_up_whatever_they_are_called(store: Path) -> None:
    a, b = Snapshot(store / "docs/1.0.0"), Snapshot(store / "docs/1.1.0")
    pairs, more = sources(a, b)
    now = Counter(b.data(["source"]).column("source").to_pylist())
    assert more == 0 and {p.name: p.after for p in pairs} == now


def test_changes_add_up(store: Path) -> None:
    found = changes(diff(store / "docs/1.0.0", store / "docs/1.1.0"))
    assert found.rows[0] + found.counts["added"] - found.counts["removed"] == found.rows[1]
    assert found.why is not None and sum(why.records for why in found.why) == found.differ > 0


def test_the_picture_holds_all_that_is_kin(store: Path) -> None:
    second = Snapshot(store / "docs/1.1.0")
    found = kin(second, origins(by_source(second)), store_at(store))
    assert {"crawl", "docs@1.0.0", "docs@1.1.0", "synth@1.0.0", "gist"} <= {node.name for node in found.nodes}
    names = {node.key: node.name for node in found.nodes}
    edges = {(names[e.start], names[e.end], e.solid) for e in found.edges}
    assert {("docs@1.0.0", "docs@1.1.0", False), ("docs@1.1.0", "synth@1.0.0", True)} <= edges
    assert ("synth@1.0.0", "gist", True) in edges


@pytest.mark.parametrize("draw", [wide, narrow])
def test_no_box_of_the_picture_lies_on_another(store: Path, draw: Callable[..., object]) -> None:
    second = Snapshot(store / "docs/1.1.0")
    drawn = draw(kin(second, origins(by_source(second)), store_at(store)))
    boxes = [(b.x, b.y, b.x + b.width, b.y + 46) for b in drawn.boxes]  # type: ignore[attr-defined]
    assert all(x >= 0 and right <= drawn.width + 0.1 for x, _, right, _ in boxes)  # type: ignore[attr-defined]
    apart = [a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for a in boxes for b in boxes if a is not b]
    assert all(apart)


def test_a_snapshot_that_cannot_be_read_still_gets_a_page(store: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(store / "docs/1.1.0", tmp_path / "broken")
    (copy / "licenses.json").write_text("{<b>")
    assert b"could not be drawn" in snapshot_page(Snapshot(copy))


def test_the_commands_write_the_pages(store: Path, tamis: Command, tmp_path: Path) -> None:
    assert tamis("report", store / "docs/1.1.0") == (0, f"{store / 'docs/1.1.0/report.html'}\n")
    one, two, three = (tmp_path / f"{k}.html" for k in range(3))
    assert tamis("report", "docs@1.1.0", "--store", store, "-o", one)[0] == 0
    assert tamis("report", "docs@1.0.0", "docs@1.1.0", "--store", store, "-o", two)[0] == 0
    assert tamis("diff", "docs@1.0.0", "docs@1.1.0", "--store", store, "--html", three)[0] == 0
    assert "gist" in one.read_text("utf-8") and two.read_bytes() == three.read_bytes()
    code, out = tamis("report", store / "docs/1.1.0", "-o", store / "docs/1.1.0/own.html")
    assert code == 2 and "lies in the snapshot" in out


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["later", "compared"])
def test_the_page_fits(
    name: str, width: int, pages: dict[str, str], browser: Callable[[Path, int, Path], str], tmp_path: Path
) -> None:
    probed, frame = tmp_path / "probed.html", tmp_path / "frame.html"
    probed.write_text(re.sub("<meta http-equiv[^>]*>", "", pages[name]).replace("</body>", PROBE), "utf-8")
    frame.write_text(FRAME % width, "utf-8")
    dom = browser(frame, 1400, tmp_path / "page.png")
    found = json.loads(unescape(re.findall("<title>(.*?)</title>", dom, re.S)[0]))
    assert found == {"window": width, "content": width, "outside": [], "asked": [], "scripts": 1, "shown": True}
