"""International bank account numbers (ISO 13616): the length of their country and a remainder of 1 by 97.

Presidio's recogniser takes capitals alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tamis.curate.pii.recogniser import Match

LENGTHS = {
    name: int(length)
    for name, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22"
        "GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27"
        "MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29"
        "VA22VG24XK20YE30",
    )
}
"""Characters of an IBAN, by country (the registry of SWIFT)."""

SHAPE = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,29}|(?:([ \u00a0-])[A-Za-z0-9]{4}(?:\1[A-Za-z0-9]{4}){1,6}"
    r"(?:\1[A-Za-z0-9]{1,3})?))(?![A-Za-z0-9])"
)
SEPARATORS = str.maketrans("", "", " -\u00a0")


class Ibans:
    """Bank account numbers as IBANs, in one piece or in groups of four."""

    name, entity = "Ibans", "IBAN_CODE"
    gate = r"[A-Za-z]{2}[0-9]{2}(?:[ \u{a0}-]?[A-Za-z0-9]){11}"

    def find(self, text: str) -> Iterator[Match]:
        """Every IBAN in `text`; the words that follow one written in groups may look like another of them."""
        at = 0
        while match := SHAPE.search(text, at):
            at = match.end()
            length = LENGTHS.get(match[0][:2].upper(), 0)
            stop = _end(match[0], length)
            if stop and is_iban(match[0][:stop].translate(SEPARATORS)):
                at = match.start() + stop
                yield Match(match.start(), at, 1.0)


def _end(found: str, length: int) -> int:
    """Where the first `length` characters of `found` end, separators aside, if a group or all of it ends there; else 0."""
    ends = [k + 1 for k, char in enumerate(found) if char not in " -\u00a0"]
    if not 0 < length <= len(ends):
        return 0
    stop = ends[length - 1]
    return stop if stop == len(found) or not found[stop].isalnum() else 0


def is_iban(code: str) -> bool:
    """Whether `code` has the length of its country and the right check digits (ISO 7064, MOD 97-10)."""
    if len(code) != LENGTHS.get(code[:2].upper()) or sum(c.isdigit() for c in code) < 6:
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1
