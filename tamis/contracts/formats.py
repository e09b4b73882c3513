"""Forms of text that `format` names (`logicalType: string`), each as a pattern; linear time, no lookups."""

from __future__ import annotations

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HEX = r"[0-9A-Fa-f]"
_H16 = rf"{_HEX}{{1,4}}"
_IPV6 = "|".join(
    [
        rf"({_H16}:){{7}}{_H16}",
        *[rf"({_H16}:){{{left}}}(:{_H16}){{1,{7 - left}}}" for left in range(1, 7)],
        rf":((:{_H16}){{1,7}}|:)",
        rf"({_H16}:){{1,7}}:",
    ]
)

STRING_FORMATS: dict[str, str | None] = {
    "uuid": rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$",
    "email": rf"^[^\s@<>()\[\]\\,;:\"]+@({_LABEL}\.)+[A-Za-z]{{2,63}}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+$",
    "hostname": rf"^({_LABEL}\.)*{_LABEL}$",
    "ipv4": rf"^({_OCTET}\.){{3}}{_OCTET}$",
    "ipv6": rf"^({_IPV6})$",
    "byte": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    "password": None,
    "binary": None,
}
"""None: the word says what the text is for, not how it looks; nothing to check."""
