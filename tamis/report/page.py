"""The report as one HTML file that needs nothing beside it: no script, no network, no font."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tamis.data.writer import write_bytes
from tamis.report import told, wording
from tamis.report.draw import bars, outlet, shares, stream
from tamis.report.facts import Summary
from tamis.report.gather import gather
from tamis.report.sentences import headline, sources_line
from tamis.report.visible import visible
from tamis.runs import Run


def write(run: Run, out: Path) -> None:
    """Write `out`/report.html about `run`. Never raises but for a disk that will not take it."""
    try:
        page = html(gather(run))
    except Exception as wrong:
        # The last thing a run writes: hours of work must not be lost to a drawing.
        page = _apology(wrong)
    write_bytes(out / "report.html", page.encode("utf-8", "backslashreplace"))


def html(summary: Summary) -> str:
    """The page. Equal summaries give equal pages."""
    return render(
        "page.html.j2",
        s=summary,
        headline=headline(summary),
        sources_line=sources_line(summary),
        outlet=outlet(summary.rows["kept"], summary.rows["in"]),
    )


def render(name: str, styles: tuple[str, ...] = ("page.css",), **facts: Any) -> str:
    """The template `name` as a page; `styles` are the files that its policy lets in, as one."""
    css = "".join(_file(style) for style in styles)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    page: str = _environment().get_template(name).render(css=Markup(css), css_digest=digest, **facts)
    return page


def _apology(wrong: Exception) -> str:
    """What stands in for a page that could not be made."""
    why = Markup.escape(visible(f"{type(wrong).__name__}: {wrong}"))
    return (
        f"<!doctype html>\n<title>No report</title>\n<p>The run is whole, but its report could not be drawn ({why}). "
        "This is a fault of tamis: please report it with run.json.</p>\n"
    )


@cache
def _environment() -> Any:
    """Where templates come from: every expression is escaped, and every hidden character in it made visible."""
    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    plain = (wording.count, wording.percent, wording.figure, wording.beside, wording.size, wording.plural)
    for filter in (*plain, wording.setting, wording.clip):
        environment.filters[filter.__name__] = filter
    for tells in (told.in_words, told.fact, told.meaning):
        environment.filters[tells.__name__] = tells
    environment.filters["breakable"] = _breakable
    environment.globals.update(bars=bars, stream=stream, shares=shares)
    return environment


def _breakable(name: str) -> Markup:
    """A name that may go on in a new line after an underscore."""
    return Markup("_<wbr>").join(visible(name).split("_"))


def _file(name: str) -> str:
    return files("tamis.report").joinpath(name).read_text("utf-8")
