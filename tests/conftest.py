"""What many tests share: steady hypothesis runs, a folder of JSON Lines, the command line, a browser."""

from __future__ import annotations

import gc
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from making import sentences, write_lines

if TYPE_CHECKING:
    from storing_s3 import S3

# The same examples are drawn every time: a red build is then about the change. No deadline: kernels compile on first
# use.
settings.register_profile("tamis", deadline=None, derandomize=True)
settings.load_profile("tamis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pages first: one of them takes as long as a hundred tests, and would be waited for."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")


def pytest_collection_finish() -> None:
    """Modules stay: Python need not look through them whenever it looks for what is gone."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Say which tamis is tested: the source tree or an installed wheel."""
    import tamis

    return f"tamis: {Path(tamis.__file__).parent}"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """400 rows in two files of a folder."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = sentences(400)
    write_lines(folder / "a.jsonl", rows[:250])
    write_lines(folder / "b.jsonl", rows[250:])
    return folder


@pytest.fixture
def tamis(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command line: returns its exit code and all it printed."""
    from tamis.cli import main

    def call(*args: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in args])
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out + err

    return call


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """A test that needs an extra which is not installed is skipped, by the sentence that a user would read."""
    from tamis.errors import ExtraMissing

    try:
        return (yield)
    except ExtraMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def llama() -> Generator[str, None, None]:
    """The base URL of a real model server (`llama.MODEL`), the same one for all tests."""
    from llama import running

    with running() as url:
        yield url


@pytest.fixture
def s3() -> Generator[S3, None, None]:
    """A real S3-compatible server with an empty bucket `bucket`, which the environment names while the test lasts."""
    from storing_s3 import S3

    with S3() as server, server.named():
        yield server


@pytest.fixture
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fetched from object storage, and written before it goes there, lies in the folder of the test."""
    monkeypatch.setenv("TAMIS_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model of two layers (`tiny.py`); skips where transformers is not installed. Read it only."""
    pytest.importorskip("transformers", reason="the extra transformers is not installed")
    from tiny import write_tiny

    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny")


Page = Callable[[Path, int, Path], str]


@pytest.fixture(scope="session")
def browser() -> Page:
    """Opens an HTML file in headless Chromium: `browser(page, width, screenshot)` is the DOM after its scripts ran."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium here; .ci/run installs it where it may")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000"]

    def page(file: Path, width: int, screenshot: Path) -> str:
        profile = screenshot.with_suffix(".profile")
        own = [f"--user-data-dir={profile}", f"--window-size={width},2000"]
        command = [program, *flags, *own, f"--screenshot={screenshot}", "--dump-dom", file.resolve().as_uri()]
        shown = subprocess.run(command, check=True, capture_output=True, timeout=60)
        return shown.stdout.decode()

    return page
