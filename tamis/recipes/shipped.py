"""Recipes that come with tamis."""

from __future__ import annotations

from pathlib import Path


def shipped() -> dict[str, Path]:
    """The shipped recipes by name. The first line of each, a comment, says what it is for."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "yaml").glob("*.yaml"))}


def example() -> Path:
    """Folder of the bundled example: in the wheel under tamis/examples, in a checkout beside the package."""
    package = Path(__file__).parents[1]
    inside = package / "examples" / "docs-sft"
    return inside if inside.is_dir() else package.parent / "examples" / "docs-sft"
