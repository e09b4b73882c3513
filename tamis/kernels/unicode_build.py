"""Build `unicode.npz`, the table that `tamis.kernels.unicode` loads: python -m tamis.kernels.unicode_build

It takes about a second, which is why the table ships with the package. Everything comes from Python's own `str` and
`unicodedata`, but for two lists that they lack: which scripts write no spaces, and which marks end a sentence.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import numpy as np

from tamis.kernels.unicode import ALPHA, ASSIGNED, BLOCK, BREAK, BULLET, MARK, QUOTE, SOLO, SPACE, STOP, WORD

SOLO_RANGES = """
0E00-0EFF 1000-109F 1780-17FF 1950-19DF 1A20-1AAF 3005-3007 3021-3029 3038-303B 3041-309F 30A1-30FF 3105-312F
31A0-31BF 31F0-31FF 3400-4DBF 4E00-9FFF A9E0-A9FF AA60-AA7F F900-FAFF FF66-FF9F 1AFF0-1B16F 20000-3FFFF
"""
"""Thai and Lao, Myanmar, Khmer, Tai scripts, Han, kana, Bopomofo (by block; their decimal digits are not meant)."""

STOP_RANGES = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D5 1803
1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 2024 203C-203D 2047-2049 2CF9-2CFB 2E2E
2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE12
FE15-FE16 FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143
111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642
1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98
1BC9F 1DA88
"""
"""Property Sentence_Terminal (Unicode Standard Annex #44, PropList.txt)."""

BULLETS = "-*–•‣⁃∙■□▪▫▶►◀◆◇○●◦"
JOINERS = "\u200c\u200d"


def ranges(listed: str) -> set[int]:
    """Code points of `listed`, hexadecimal numbers and ranges."""
    ends = [[int(end, 16) for end in part.split("-")] for part in listed.split()]
    return {code for pair in ends for code in range(pair[0], pair[-1] + 1)}


def kinds_of(char: str, solo: set[int], stop: set[int]) -> int:
    """The kinds of `char`, as bits."""
    category = unicodedata.category(char)
    claims = {
        WORD: char.isalnum(),
        ALPHA: char.isalpha(),
        MARK: category in ("Mn", "Mc", "Me") or char in JOINERS,
        SOLO: char.isalnum() and ord(char) in solo and not char.isdecimal(),
        SPACE: char.isspace(),
        BREAK: len(f"a{char}b".splitlines()) == 2,
        STOP: ord(char) in stop,
        QUOTE: category in ("Pi", "Pf") or char in "\"'」』",
        BULLET: char in BULLETS,
        ASSIGNED: category != "Cn",
    }
    return sum(bit for bit, holds in claims.items() if holds)


def lower_of(char: str) -> int:
    """Lower case of `char` where that is one code point, else `char` itself."""
    low = char.lower()
    return ord(low) if len(low) == 1 else ord(char)


def build() -> tuple[np.ndarray, np.ndarray]:
    """The table from the running Python. block (8704,) uint16; info (128 * blocks,) uint32: see `Table`."""
    solo, stop = ranges(SOLO_RANGES), ranges(STOP_RANGES)
    info = np.zeros(0x110000, np.uint32)
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            char = chr(code)
            info[code] = kinds_of(char, solo, stop) << 16 | (lower_of(char) - code) & 0xFFFF
    seen: dict[bytes, int] = {}
    block = [seen.setdefault(row.tobytes(), len(seen)) for row in info.reshape(-1, BLOCK)]
    return np.array(block, np.uint16), np.frombuffer(b"".join(seen), np.uint32)


if __name__ == "__main__":
    block, info = build()
    path = Path(__file__).with_name("unicode.npz")
    np.savez_compressed(path, block=block, info=info)
    sys.stdout.write(f"{path.name}: Unicode {unicodedata.unidata_version}, {info.size // BLOCK} blocks\n")
