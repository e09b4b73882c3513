"""`tamis run` on bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from attempting import RECIPE, Ran, outcome


@pytest.fixture
def attempt(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> Callable[..., Ran]:
    """`tamis run` on files given as bytes."""

    def run(files: bytes | dict[str, bytes], *options: object, recipe: str = RECIPE) -> Ran:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "recipe.yaml").write_text(recipe)
        for name, data in ({"a.jsonl": files} if isinstance(files, bytes) else files).items():
            (tmp_path / "in" / name).write_bytes(data)
        target = tmp_path / "run"
        code, said = tamis("run", tmp_path / "recipe.yaml", "-i", tmp_path / "in", "-o", target, "--quiet", *options)
        return outcome(code, said, target)

    return run
