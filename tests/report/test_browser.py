"""The report in a real browser, at the width of a desk and of a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from paging import FRAME, PROBE


@pytest.mark.parametrize("which", ["page", "profile_page", "judged_page", "evaluated_page"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_the_data_in_it_stays_text(
    width: int, which: str, browser: Callable[[Path, int, Path], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(which).read_text("utf-8")
    probed = tmp_path / "probed.html"
    probed.write_text(re.sub("<meta http-equiv[^>]*>", "", text).replace("</body>", PROBE), "utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME % width, "utf-8")
    dom = browser(frame, 1400, tmp_path / "page.png")
    found = json.loads(unescape(re.findall("<title>(.*?)</title>", dom, re.S)[0]))
    assert found == {"window": width, "content": width, "outside": [], "asked": [], "scripts": 1, "shown": True}
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.parametrize("which", ["page", "profile_page", "judged_page", "evaluated_page"])
def test_the_policy_of_the_page_lets_its_style_in(
    which: str, browser: Callable[[Path, int, Path], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(which)
    bare = tmp_path / "bare.html"
    bare.write_text(re.sub("<style>.*?</style>", "", page.read_text("utf-8"), flags=re.S), "utf-8")
    for file in (page, bare):
        browser(file, 800, tmp_path / f"{file.stem}.png")
    assert (tmp_path / "report.png").read_bytes() != (tmp_path / "bare.png").read_bytes()
