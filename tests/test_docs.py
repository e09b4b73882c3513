"""Every command and every line of Python in README.md and docs/ is run, page by page, and prints what the page shows.

```console        lines after `$ ` are run in a scratch folder that holds examples/; the lines below are their output,
                  where … stands for anything (a line that is … alone for any number of lines)
                  a page that names s3://bucket/ has a server for it
                  `tamis` is a fork of a process that has imported it (warm.py); on README.md it is a process of its own
```python         is executed; with >>> its output is compared too
```yaml NAME      is written to the file NAME first (any language, any name); a file that is there, as of examples/, must be
                  the same
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest
from warm import Warm

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


class Block(NamedTuple):
    """A fenced block: its language, the file it is to be written to, its text, and where the page has it."""

    language: str
    file: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = re.finditer(r"^```(\w+)(?: ([\w./-]+))?\n(.*?)^```$", page, re.M | re.S)
    return [Block(m[1], m[2] or "", m[3], page[: m.start()].count("\n") + 1) for m in found]


def commands(text: str) -> list[tuple[str, str]]:
    """Command and the output shown for it; a command goes on after a \\ at the end of a line."""
    parts = re.split(r"^\$ ", text, flags=re.M)[1:]
    ends = [re.search(r"(?<!\\)(\n|\Z)", part) for part in parts]
    return [(part[: end.start()], part[end.end() :]) for part, end in zip(parts, ends, strict=True) if end]


def shows(expected: str, printed: str) -> bool:
    """Is `printed` what the page shows?"""
    lines = [re.escape(line.rstrip()).replace("…", "[^\n]*") for line in expected.strip("\n").splitlines()]
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == "[^\n]*" else line + "\n" for line in lines)
    text = "".join(line.rstrip() + "\n" for line in printed.strip("\n").splitlines())
    return re.fullmatch(pattern, text) is not None


SLOW = re.compile(r"^(?:freezing|verifying): [\d,]+(?: of [\d,]+)? records\n", re.M)
"""What a command says after ten seconds, as on a busy machine: no page shows it."""


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    """A folder with a `tamis` that needs no start."""
    process = Warm(tmp_path_factory.mktemp("warm"))
    yield process.bin
    process.close()


def shell(command: str, folder: Path, *first: Path) -> str:
    """What `command` prints in `folder`, both streams together. It must not fail; `|| echo` shows one that does.

    `first`: folders of programs that come before the environment's.
    """
    places = [*map(str, first), str(Path(sys.executable).parent), os.environ["PATH"]]
    own = {"PATH": os.pathsep.join(places), "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        text=True,
    )
    assert done.returncode == 0, f"$ {command}\nexit {done.returncode}\n{done.stdout}"
    return SLOW.sub("", done.stdout)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_does_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    found = blocks(page.read_text("utf-8"))
    if not any(block.file or block.language in ("console", "python") for block in found):
        return
    if any("s3://bucket/" in block.text for block in found if block.language == "console"):
        request.getfixturevalue("s3")
        monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / ".cache"))
        monkeypatch.setenv("TAMIS_SCRATCH", str(tmp_path / ".scratch"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, object] = {"__name__": "__page__"}
    first = [] if page.name == "README.md" else [request.getfixturevalue("warm")]
    for block in found:
        if block.file:
            place = tmp_path / block.file
            assert not place.exists() or place.read_text("utf-8") == block.text, f"{page.name}: {block.file} is another"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, "utf-8")
        elif block.language == "console":
            for command, expected in commands(block.text):
                printed = shell(command, tmp_path, *first)
                assert not expected.strip() or shows(expected, printed), (
                    f"{page.name}:{block.line}: $ {command}\nshown:\n{expected}\nprinted:\n{printed}"
                )
        elif block.language == "python" and ">>> " in block.text:
            example = doctest.DocTestParser().get_doctest(block.text, names, page.name, page.name, block.line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            assert runner.run(example, clear_globs=False).failed == 0, f"{page.name}:{block.line}: see the output above"
            names.update(example.globs)
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_links_to_what_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "expected, printed, same",
    [
        ("a\nb\n", "a\nb\n", True),
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a b d\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nd\n", True),
        ("a\n", "a\nb\n", False),
    ],
)
def test_an_ellipsis_stands_for_anything(expected: str, printed: str, same: bool) -> None:
    assert shows(expected, printed) is same


def test_a_command_may_go_on_over_lines() -> None:
    assert commands("$ a \\\n  b\nx\n$ c\n") == [("a \\\n  b", "x\n"), ("c", "")]
