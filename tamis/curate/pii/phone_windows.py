"""Presidio's phone recogniser, asked about stretches of a text instead of all of it, eight times over.

libphonenumber's matcher goes over the text once for each region. It looks at candidates that its own pattern finds, at the
character on either side, and in the strict grades of leniency at nothing more; so a stretch round each candidate gives the
same answer. Whether a candidate is valid in a region is asked once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tamis.curate.pii.digits import plain
from tamis.curate.pii.gates import gate
from tamis.extras import extra

with extra("pii"):
    import phonenumbers
    from phonenumbers import phonenumbermatcher, phonenumberutil

MARK = f"[{phonenumberutil._VALID_PUNCTUATION}]{{0,4}}"
GATE = (*gate([rf"\d(?:{MARK}\d){{4}}", rf"1{MARK}6{MARK}\d{MARK}\d"]), r"[\d&&[^0-9]]")  # type: ignore[misc]
"""Five digits, or four as German pagers have them, or any digit that is not ASCII."""

REGIONS = frozenset({"US", "GB", "DE", "FR", "IL", "IN", "CA", "BR"})
"""Presidio's regions by default; that the gate lets through all that is valid in one of them was tried out."""

BESIDE = 40
"""Code points beside a candidate that go with it: its own pattern reaches no farther."""

FEWEST = {"DE": 4}
"""Digits of the shortest number that is valid in a region; 6 elsewhere."""

KNOWN = 200_000
"""Candidates remembered, at most."""


class _Matcher(phonenumbers.PhoneNumberMatcher):
    """The matcher, which remembers what it made of each candidate. tried: candidates and where they begin, in order."""

    known: dict[Any, Any]
    tried: list[tuple[str, int]]
    preferred_region: str

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        self.tried.append((candidate, offset))
        if sum(map(str.isdigit, candidate)) < FEWEST.get(self.preferred_region, 6):
            return None
        stop = offset + len(candidate)
        key = (
            candidate,
            self.preferred_region,
            self.text[max(0, offset - 1) : offset],
            self.text[stop : stop + 1],
            self.leniency,
        )
        if key not in self.known:
            match = super()._parse_and_verify(candidate, offset)
            if len(self.known) < KNOWN:
                self.known[key] = match and match.number
            return match
        number = self.known[key]
        return number and phonenumbers.PhoneNumberMatch(offset, candidate, number)


def matches(text: str, regions: Sequence[str], leniency: int, known: dict[Any, Any]) -> Iterator[tuple[int, int]]:
    """Where `PhoneNumberMatcher` finds a number valid in one of `regions`: starts and stops, some more than once."""
    for low, high, digits in _stretches(text):
        tried: list[tuple[str, int]] | None = None
        for region in regions:
            if digits < FEWEST.get(region, 6):
                continue
            matcher = _Matcher(text[low:high], region, leniency=leniency)
            matcher.known, matcher.tried = known, []
            # What the matcher tries next depends on nothing but what it found: where one region has none of what it tried,
            # another that has none of it either tries no more.
            if tried is not None and not any(matcher._parse_and_verify(*one) for one in tried):
                continue
            found = [(low + match.start, low + match.end) for match in matcher]
            if not found and tried is None:
                tried = matcher.tried
            yield from found


def _stretches(text: str) -> Iterator[tuple[int, int, int]]:
    """What lies round candidates, and the most digits one has there; stretches that meet are one."""
    low = high = most = -1
    for match in phonenumbermatcher._PATTERN.finditer(text):
        number = plain(match[0])
        # No number of four digits is valid in any of these regions but those of German pagers.
        if len(number) < 4 or (len(number) == 4 and not number.startswith("16")):
            continue
        start, stop = max(0, match.start() - BESIDE), min(len(text), match.end() + BESIDE)
        if start > high:
            if high >= 0:
                yield low, high, most
            low, most = start, 0
        high, most = stop, max(most, len(number))
    if high >= 0:
        yield low, high, most
