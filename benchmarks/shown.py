"""Tables in README.md, or another page, that a benchmark writes itself: between lines `<!-- NAME -->` and `<!-- /NAME -->`."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).with_name("README.md")


def put(name: str, text: str, place: Path = README) -> None:
    """Put `text` in the place of what stands between the two lines of `name`. Raises ValueError where they are not there."""
    page = place.read_text(encoding="utf-8")
    head, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->\n")
    if not begin or not end:
        raise ValueError(
            f"{place} has no place for {name}: a line <!-- {name} --> and a line <!-- /{name} --> were wanted"
        )
    place.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}", encoding="utf-8")
