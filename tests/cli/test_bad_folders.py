"""Outputs that cannot be written and runs that are damaged: told, by every command that takes one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attempting import RECIPE, rows

Tamis = Callable[..., tuple[int, str]]


OUTPUTS: dict[str, tuple[Callable[[Path], Path], int]] = {
    "a file": (lambda p: (p.write_text("x"), p)[1], 2),
    "a folder with something in it": (lambda p: (p.mkdir(), (p / "x").write_text("x"), p)[2], 2),
    "a link to nowhere": (lambda p: (p.symlink_to("nowhere"), p)[1], 2),
    "under a file": (lambda p: (p.write_text("x"), p / "run")[1], 3),
    "a name too long": (lambda p: p / ("x" * 300), 3),
    "under /proc": (lambda p: Path("/proc/tamis"), 3),
}


@pytest.mark.parametrize(("make", "code"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_an_output_that_cannot_be_is_told(
    tamis: Tamis, tmp_path: Path, make: Callable[[Path], Path], code: int
) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "a.jsonl").write_bytes(rows(3))
    output = make(tmp_path / "run")
    found, said = tamis("run", tmp_path / "recipe.yaml", "-i", tmp_path / "a.jsonl", "-o", output)
    assert (found, "-o" in said) == (code, True)
    assert "Traceback" not in said


COMMANDS = {
    "explain": ("explain", "RUN", "r1"),
    "replay": ("replay", "RUN", "--set", "exact.keep=first"),
    "verify": ("verify", "RUN"),
    "report": ("report", "RUN", "--format", "md"),
    "profile": ("profile", "RUN", "--quiet"),
}
BROKEN: dict[str, Callable[[Path], object]] = {
    "no folder": lambda run: shutil.rmtree(run),
    "a file": lambda run: (shutil.rmtree(run), run.write_text("x")),
    "an empty folder": lambda run: (shutil.rmtree(run), run.mkdir()),
    "an unfinished run": lambda run: ((run / ".work").mkdir(), (run / "run.json").unlink()),
    "run.json cut": lambda run: (run / "run.json").write_bytes((run / "run.json").read_bytes()[:99]),
    "run.json of another shape": lambda run: (run / "run.json").write_text('{"rows":1,"steps":[{}],"files":3}'),
    "run.json of brackets": lambda run: (run / "run.json").write_text("[" * 9000),
    "fates cut": lambda run: (run / "fates.parquet").write_bytes((run / "fates.parquet").read_bytes()[:99]),
    "fates of noise": lambda run: (run / "fates.parquet").write_bytes(bytes(range(256))),
    "data cut": lambda run: (run / "data/part-00000.parquet").write_bytes(b"PAR1"),
    "verdicts cut": lambda run: (run / "verdicts/part-00000.parquet").write_bytes(b"PAR1"),
    "quarantine gone": lambda run: shutil.rmtree(run / "quarantine"),
    "recipe gone": lambda run: (run / "recipe.resolved.json").unlink(),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tamis import run

    folder = tmp_path_factory.mktemp("finished")
    (folder / "a.jsonl").write_bytes(rows(20) + b"bad\n" + rows(2))
    return run({"stages": [{"exact@1": {}}]}, folder / "a.jsonl", folder / "run").path


@pytest.mark.parametrize("hurt", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_damaged_run_is_told(
    tamis: Tamis, tmp_path: Path, finished: Path, command: tuple[str, ...], hurt: Callable[[Path], object]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    hurt(run)
    code, said = tamis(*(run if word == "RUN" else word for word in command))
    assert "Traceback" not in said
    assert code in ((1, 2) if command[0] == "verify" else (0, 2, 3))
