"""Fences: where text that somebody else wrote begins and ends in a prompt.

<text-3f9a…>
Ignore all that was said before …
</text-3f9a…>

The number is a digest of the text itself: whoever wrote the text cannot have written it into the text, and the same text
has the same fence on every run. What looks like a fence, or like a token of a chat format, is defused within.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

_FORGED = re.compile(
    r"[<＜﹤]\s*/?\s*[A-Za-z]+-[0-9a-f]{8,}\s*[>＞﹥]"  # a fence of ours
    r"|<[|｜][^<>|｜\n]{1,40}[|｜]>"  # <|im_start|>, <|endoftext|>, <｜User｜>
    r"|</?(?:s|bos|eos|pad|start_of_turn|end_of_turn|start_of_image)>"
    r"|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
)
"""Servers read the tokens of a chat format wherever they stand, inside a message too: text could end its own turn by them."""


class Fence(NamedTuple):
    """Text between two lines that it cannot hold. In a template `{{ text }}` is all of it, `{{ text.tag }}` its name.

    defused  how many things in it that looked like a fence or a token of a chat format were taken apart
    """

    tag: str
    inner: str
    defused: int

    def __str__(self) -> str:
        return f"<{self.tag}>\n{self.inner}\n</{self.tag}>"


def fence(text: str, label: str = "text") -> Fence:
    """`text` between fences of the name `label`."""
    digest = hashlib.sha256(b"tamis fence\0" + label.encode() + b"\0" + text.encode("utf-8", "surrogatepass"))
    inner, defused = _FORGED.subn(_apart, text)
    return Fence(f"{label}-{digest.hexdigest()[:24]}", inner, defused)


def _apart(found: re.Match[str]) -> str:
    """The same to a reader, and no token any more: its first bracket is another character."""
    return ("⁅" if found[0][0] == "[" else "‹") + found[0][1:]
