"""What an HTML page is made of, as a browser would take it apart."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """Elements and attributes of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
