"""What looks at a page: its elements, and a browser that reports how it lies."""

from __future__ import annotations

from html.parser import HTMLParser

PROBE = """<script>
window.addEventListener("load", () => {
  const wide = [...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, svg, .hidden"));
  parent.postMessage({
    window: innerWidth,
    content: document.documentElement.scrollWidth,
    outside: wide.filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className || e.tagName),
    asked: performance.getEntriesByType("resource").map((e) => e.name).filter((name) => !name.startsWith("data:")),
    scripts: document.scripts.length,
    shown: document.body.checkVisibility(),
  }, "*");
});
</script></body>"""
"""Put into a copy of the page, whose own policy would not let it run."""

FRAME = """<title></title><script>onmessage = (e) => { document.title = JSON.stringify(e.data); }</script>
<iframe src="probed.html" width="%d" height="1500" style="border: 0"></iframe>"""
"""A window of a headless browser may be no narrower than 500 pixels; a frame may."""


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
