"""A page, or a sentence in its place: what took hours or money must not be lost to a drawing."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from tamis.report.visible import visible


def drawn(html: Callable[[], str], whole: str, facts: str) -> bytes:
    """What `html` gives, as UTF-8; where it raises, a page that says so.

    whole  how the sentence begins: `The run is whole, but its report`
    facts  the file to report the fault with
    """
    try:
        made = html()
    except Exception as wrong:
        why = Markup.escape(visible(f"{type(wrong).__name__}: {wrong}"))
        made = (
            f"<!doctype html>\n<title>No report</title>\n<p>{whole} could not be drawn ({why}). "
            f"This is a fault of tamis: please report it with {facts}.</p>\n"
        )
    return made.encode("utf-8", "backslashreplace")
