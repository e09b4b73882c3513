"""What is left of HTML in a text: tags and entities.

    "<p>Fish &amp; chips<br/>daily</p>"  ->  "Fish & chips\\ndaily"

A text that is a whole page (it begins with a doctype or <html>) is parsed by lexbor; what a reader sees of it stays.
Elsewhere a tag goes only where it can be nothing but markup, so that `a < b`, `List<T>`, `<your name>` and code stay:

- its name is an HTML element's, its attributes are well formed, it stands neither in a fenced block nor in `backticks`;
- and it closes, or breaks a line (`LONE`), or has an attribute with a value, or the same text closes it.

Entities are decoded with their semicolon only, however often they were escaped (`&amp;amp;` is &), but escaped tags are
meant to be seen: `&lt;b&gt;` stays as it is.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.entities import name2codepoint
from typing import Any

from tamis.kernels.clean import NAMES

_BLOCKS = """
address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form
h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section summary table tbody tfoot thead title tr ul
"""
BLOCKS = frozenset(_BLOCKS.split())
"""Elements that stand on lines of their own."""

_LONE = "blockquote br div h1 h2 h3 h4 h5 h6 hr li ol p tbody td th thead tr ul wbr"
LONE = frozenset(_LONE.split())
"""Elements that often stay unclosed and whose names nobody uses for anything else in angle brackets."""

UNSEEN = ("script", "style", "head", "template", "noscript", "iframe", "textarea", "select", "object", "video")
"""Elements of a page whose content is not its text."""

_NAME = "|".join(sorted(NAMES, key=len, reverse=True))
_ATTRIBUTE = (
    r"""[a-zA-Z_:@][\w:.-]{0,60}(?:\s{0,8}=\s{0,8}(?:"[^"<>]{0,4000}"|'[^'<>]{0,4000}'|[^\s"'<>=`]{1,4000}))?"""
)

PAGE = re.compile(r"[\s\ufeff]*<(?:!doctype\s+html|html[\s>])", re.I)
TAG = re.compile(rf"<(/?)({_NAME})((?:\s{{1,99}}{_ATTRIBUTE}){{0,99}})\s{{0,99}}/?>", re.I)
# No comment and no script is sought past the start of the next one: ten thousand openings cost no more than one.
UNREAD = re.compile(
    r"<!--(?:(?!-->|<!--).){0,8000}-->"
    r"|<(script|style)(?:\s[^<>]{0,4000})?>[^<]{0,99999}(?:<(?!/?(?:script|style)[\s>])[^<]{0,9999}){0,9999}</\1\s{0,9}>"
    r"|<!doctype\s[^<>]{0,400}>",
    re.I | re.S,
)
CODE = re.compile(
    r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)|(?<!`)(`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)\2(?!`)",
    re.M | re.S,
)
_LESS, _MORE = r"&(?:amp;)*(?:lt|\#0*60|\#x0*3c);", r"&(?:amp;)*(?:gt|\#0*62|\#x0*3e);"
ENTITY = re.compile(
    rf"{_LESS}/?(?:{_NAME})(?![a-z0-9])(?:(?!{_LESS}|{_MORE})[^<>]){{0,4000}}{_MORE}"
    r"|&(?:amp;)*(\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,8});",
    re.I,
)
"""An escaped tag, or an entity: the name in group 1."""

SYNTAX = ("amp", "lt", "gt", "quot", "apos", "nbsp")


def without_markup(text: str) -> str:
    """`text` without what is left of HTML in it."""
    if PAGE.match(text):
        return _page(text)
    if "<" in text:
        text = _outside_code(text, _without_tags)
    return _outside_code(text, lambda part: ENTITY.sub(_decoded, part)) if "&" in text else text


def _outside_code(text: str, change: Any) -> str:
    """`change` everywhere but in Markdown code; one text, so that a tag may open before a block and close behind it."""
    if "`" not in text and "~~~" not in text:
        return str(change(text))
    codes = [match.span() for match in CODE.finditer(text)]
    if not codes:
        return str(change(text))
    # A private character holds the place of a block; a text that has it already is left alone.
    if "\ue000" in text:
        return text
    kept = iter([text[a:b] for a, b in codes])
    changed = change(CODE.sub("\ue000", text))
    return re.sub("\ue000", lambda _: next(kept), changed) if changed.count("\ue000") == len(codes) else text


def _without_tags(text: str) -> str:
    text = UNREAD.sub("", text)
    found = [(match[2].lower(), bool(match[1])) for match in TAG.finditer(text)]
    paired = {name for name, closes in found if not closes} & {name for name, closes in found if closes}

    def replaced(match: re.Match[str]) -> str:
        name, start, end = match[2].lower(), match.start(), match.end()
        generic = len(name) == 1 and start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
        alone = match[1] or "=" in match[3] or (name in LONE and not generic)
        if not alone and name not in paired:
            return match[0]
        on_a_line = start == 0 or text[start - 1] == "\n" or text[end : end + 1] in ("\n", "")
        return "" if on_a_line and name != "br" else "\n" if name in BLOCKS else " " if name in ("td", "th") else ""

    return TAG.sub(replaced, text)


def _decoded(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return match[0]
    if name.startswith("#"):
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        # Not a character, or one that only breaks what reads it.
        if (code < 0x20 and code not in (9, 10, 13)) or code == 0x7F or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return match[0]
        return unescape(f"&#{code};") or match[0]
    low = name.lower()
    if low in SYNTAX:
        return unescape(f"&{low};")
    # `p = &copy;` is C.
    before = match.string[max(0, match.start() - 2) : match.start()]
    if name not in name2codepoint or before.rstrip(" ").endswith("="):
        return match[0]
    return chr(name2codepoint[name])


@cache
def _lexbor() -> Any:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser


def _page(text: str) -> str:
    """What a reader sees of a page: blocks on lines of their own, white space as a browser sets it."""
    parser = _lexbor()(text)
    parser.strip_tags(list(UNSEEN))
    lines = [""]
    todo: list[Any] = [(parser.body or parser.root, False)]
    while todo:
        node, preformatted = todo.pop()
        if isinstance(node, str):
            if node == " ":
                lines[-1] += node
            elif lines[-1].strip():
                lines.append("")
        elif node.tag == "-text":
            seen = node.text_content or ""
            seen = seen if preformatted else re.sub(r"[ \t\r\n\f]+", " ", seen)
            lines[-1] += seen if preformatted or lines[-1] else seen.lstrip(" ")
        elif not node.tag.startswith(("-", "_", "!")):
            edge = "\n" if node.tag in BLOCKS else " " if node.tag in ("td", "th") else ""
            inside = preformatted or node.tag == "pre"
            edges = [(edge, inside)] if edge else []
            todo += edges
            todo += [(child, inside) for child in reversed(list(node.iter(include_text=True)))]
            todo += edges
    # A page that shows tags wrote them escaped; they stay so.
    shown = "\n".join(line.rstrip(" ") for line in lines).strip("\n")
    return TAG.sub(lambda tag: "&lt;" + tag[0][1:-1] + "&gt;", shown)
