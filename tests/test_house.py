"""The house in order: imports light, names sorted, the catalog resolves, commands documented, no machine's paths."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import click
import pytest

import tamis
from tamis.cli import COMMANDS, group
from tamis.recipes.catalog import STAGES, stage_class

ROOT = Path(__file__).parents[1]
HEAVY = {"click", "datasets", "jinja2", "numba", "numpy", "pandas", "polars", "pyarrow", "rich", "torch", "yaml"}


def imported(code: str, folder: Path) -> set[str]:
    """Top-level modules that a fresh Python holds after `code`."""
    show = "import sys; print(*{name.partition('.')[0] for name in sys.modules}, sep='\\n')"
    command = [sys.executable, "-c", f"import sys; sys.argv = ['tamis', '--help']\n{code}\n{show}"]
    return set(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines())


def test_importing_tamis_imports_nothing_heavy(tmp_path: Path) -> None:
    assert imported("import tamis", tmp_path) & HEAVY == set()


def test_help_imports_click_alone(tmp_path: Path) -> None:
    code = "from tamis.cli import main\ntry: main()\nexcept SystemExit: pass"
    assert imported(code, tmp_path) & HEAVY == {"click"}


def test_the_page_for_raters_needs_no_kernels(tmp_path: Path) -> None:
    assert imported("import tamis.judge.review.serve", tmp_path) & {"numba", "pandas", "scipy"} == set()


def test_a_lean_command_gives_values_to_pyarrow_without_pandas(tmp_path: Path) -> None:
    code = "from tamis.cli.lean import lean; lean(); import pyarrow as pa; pa.array(['a'])"
    assert "pandas" not in imported(code, tmp_path)


def test_a_lean_command_loads_kernels_without_the_matrices_of_scipy(tmp_path: Path) -> None:
    call = "from tamis.kernels.hash import xxh64; import pyarrow as pa; xxh64(pa.array(['a']))"
    code = f"from tamis.cli.lean import lean; lean(); {call}; assert 'scipy.linalg' not in sys.modules"
    assert "numba" in imported(code, tmp_path)


def test_public_names_are_sorted_and_there() -> None:
    assert tamis.__all__ == sorted(tamis.__all__) == dir(tamis)
    assert all(getattr(tamis, name) is not None for name in tamis.__all__)


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_catalog_entry_is_a_frozen_stage_of_that_name(name: str) -> None:
    cls = stage_class(name)
    assert f"{cls.name}@{cls.version}" == name
    assert issubclass(cls, tamis.Stage) and is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_is_documented_with_its_defaults(name: str) -> None:
    page = (ROOT / "docs/stages.md").read_text("utf-8")
    _, _, own = page.partition(f"## `{name}`")
    own = own.partition("\n## ")[0]
    assert own, f"docs/stages.md has no heading ## `{name}`"
    rows = [f"| `{f.name}` | {json.dumps(f.default)} |" for f in fields(stage_class(name))]
    assert [row for row in rows if row not in own] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_documented_with_its_options(name: str) -> None:
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    _, _, own = page.partition(f"## `tamis {name}`")
    own = own.partition("\n## ")[0]
    assert own, f"docs/cli.md has no heading ## `tamis {name}`"
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert [o for o in options(command) if o not in own] == []


def options(command: click.Command) -> list[str]:
    """Long names of a command's options, and those of its subcommands."""
    own = [o for p in command.params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")]
    below = command.commands.values() if isinstance(command, click.Group) else []
    return own + [o for sub in below for o in options(sub)]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_ends_with_a_line_to_paste(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    own = list(command.commands.items()) if isinstance(command, click.Group) else [("", command)]
    for sub, one in own:
        assert re.search(rf"Examples?:\n +tamis {f'{name} {sub}'.strip()}\b", one.help or ""), f"tamis {name} {sub}"


def test_no_committed_text_names_a_path_of_some_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    own = re.compile(r"(?<![\w.])/(work|home|root|Users|farm|opt|tmp)/\w")
    quoted = (".jsonl", ".npz", "LICENSE")  # the corpus says what others wrote
    texts = [ROOT / name for name in listed.stdout.split("\0") if name and not name.endswith(quoted)]
    found = [f"{p.name}: {m[0]}" for p in texts if p.is_file() for m in own.finditer(p.read_text("utf-8", "replace"))]
    assert found == []
