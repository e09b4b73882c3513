"""Templates of pages: every expression is escaped, and every hidden character in it made visible."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tamis.report import told, wording, yields
from tamis.report.draw import bars, shares, stream
from tamis.report.visible import visible


def render(template: str, styles: tuple[str, ...], **names: Any) -> str:
    """The page: `template` with `names`, and with `styles`, files of CSS, and the digest that its policy lets in."""
    css = "".join(text_of(name) for name in styles)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    page: str = _environment().get_template(template).render(css=Markup(css), css_digest=digest, **names)
    return page


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    plain = (
        wording.count,
        wording.percent,
        wording.figure,
        wording.beside,
        wording.size,
        wording.plural,
        wording.short,
    )
    for filter in (*plain, wording.setting, wording.clip):
        environment.filters[filter.__name__] = filter
    for tells in (told.in_words, told.fact, told.meaning):
        environment.filters[tells.__name__] = tells
    for line in (yields.seeds_line, yields.own_line, yields.link_line):
        environment.filters[line.__name__] = line
    environment.filters["breakable"] = _breakable
    environment.globals.update(bars=bars, stream=stream, shares=shares)
    return environment


def _breakable(name: str) -> Markup:
    """A name that may go on in a new line after an underscore."""
    return Markup("_<wbr>").join(visible(name).split("_"))


def text_of(name: str) -> str:
    """A file of the package."""
    return files("tamis.report").joinpath(name).read_text("utf-8")
