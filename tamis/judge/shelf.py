"""The shelf: rubrics that come with tamis, by name, and those of the user, by path."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from tamis.errors import UsageError
from tamis.judge.rubric import Rubric
from tamis.judge.rubric_file import read_rubric


def shipped_rubrics() -> dict[str, str]:
    """Names of the rubrics that come with tamis, and what each is for."""
    return {name: find_rubric(name).says for name in _shipped()}


def find_rubric(spec: str | Path, base: Path | None = None) -> Rubric:
    """The rubric `spec`: the name of one that comes with tamis (pairwise, or pairwise@1), or a file, which `base` starts.

    Raises UsageError where there is none, RubricError where it cannot be used.
    """
    name, _, version = str(spec).partition("@")
    if name in _shipped():
        found = _read(name)
        if version and version != str(found.version):
            raise UsageError(f"{spec}: this tamis has {found.label}; name that, or a file of your own")
        return found
    path = (base or Path()) / spec
    if path.is_fifo() or path.is_char_device():
        raise UsageError(f"{spec} is a pipe or a device; a rubric is read again, so name a file")
    try:
        return read_rubric(path.read_bytes(), str(spec))
    except OSError as gone:
        there = ", ".join(_shipped())
        raise UsageError(f"no rubric {str(spec)!r} ({gone.strerror}); name a file, or one of {there}") from None


@cache
def _shipped() -> tuple[str, ...]:
    folder = files("tamis.judge") / "rubrics"
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


@cache
def _read(name: str) -> Rubric:
    return read_rubric((files("tamis.judge") / "rubrics" / f"{name}.yaml").read_bytes(), f"{name}.yaml")
