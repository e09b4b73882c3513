"""Tables in README.md that a benchmark writes itself: between a line `<!-- NAME -->` and a line `<!-- /NAME -->`."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).with_name("README.md")


def put(name: str, text: str) -> None:
    """Put `text` in the place of what stands between the two lines of `name`. Raises ValueError where they are not there."""
    page = README.read_text(encoding="utf-8")
    head, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->\n")
    if not begin or not end:
        raise ValueError(
            f"{README} has no place for {name}: a line <!-- {name} --> and a line <!-- /{name} --> were wanted"
        )
    README.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}", encoding="utf-8")
