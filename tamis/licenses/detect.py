"""Licences that a text names itself: an SPDX tag, or a link to a Creative Commons licence.

    SPDX-License-Identifier: Apache-2.0 OR MIT
    https://creativecommons.org/licenses/by-nc/4.0/

That a text names a licence does not say that it is under it; it is reason enough to look.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.licenses.spdx import canonical

TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]{2,200})")

LINK = re.compile(r"creativecommons\.org/(?:licenses/[a-z-]{2,20}/\d\.\d|publicdomain/(?:zero|mark)/\d\.\d)", re.I)

MOST = 8
"""Licences noted of a text; a list of licences names more."""


def detected(text: str) -> list[str]:
    """SPDX expressions that `text` names, in order, each once, at most MOST."""
    found: dict[str, None] = {}
    for match in sorted([*TAG.finditer(text), *LINK.finditer(text)], key=lambda m: m.start()):
        spelled = match[1] if match.re is TAG else f"https://{match[0]}"
        if (expression := _longest(spelled)) is not None:
            found[expression] = None
        if len(found) == MOST:
            break
    return list(found)


def detect(texts: pa.StringArray) -> dict[int, list[str]]:
    """`detected` of the texts that name any, by row."""
    maybe = [pc.match_substring(texts, word, ignore_case=word != "SPDX-License-Identifier:") for word in WORDS]
    rows = np.flatnonzero(pc.fill_null(pc.or_(*maybe), False).to_numpy(zero_copy_only=False))
    return {row: found for row in rows.tolist() if (found := detected(texts[row].as_py()))}


WORDS = ("SPDX-License-Identifier:", "creativecommons.org/")


def _longest(spelled: str) -> str | None:
    """The longest beginning of `spelled` that is an expression: prose may follow it on the line."""
    words = spelled.split()
    for count in range(len(words), 0, -1):
        if (found := canonical(" ".join(words[:count]).rstrip("."))) is not None:
            return found
    return None
