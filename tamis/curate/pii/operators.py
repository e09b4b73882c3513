"""What is put in the place of a finding.

    tag        <EMAIL_ADDRESS>
    redact     nothing
    mask       *****@*******.***       letters and digits; how long it was, and its punctuation, stay
    pseudonym  <EMAIL_ADDRESS:qkzmpbtwhfaodjxe>    keyed: the same value has the same one across a corpus
    surrogate  wren.qkzmpb@example.com             of a reserved range: tamis.curate.pii.surrogates

Each is a function of the value and the key or seed: of nothing around it, so of no order or partitioning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from tamis.curate.pii.pseudonym import keyed, letters
from tamis.curate.pii.surrogates import RESERVED, surrogate

Operator = Literal["tag", "redact", "mask", "pseudonym", "surrogate"]

MARK = re.compile(r"<[A-Z][A-Z0-9_]*(?::[a-z]{16})?>")
"""What `tag` and `pseudonym` leave behind."""

_SHAPE = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
"""ASCII punctuation: what a mask leaves of a value."""


@dataclass(frozen=True)
class Operators:
    """`replace(entity, found)` by the operator of the entity.

    key   what pseudonyms and digests are made with; surrogates, too, where there is one
    seed  what surrogates are drawn with where there is no key: whoever has the recipe can then draw them for any value
    """

    default: Operator = "tag"
    own: Mapping[str, Operator] = field(default_factory=dict)
    key: bytes | None = field(default=None, repr=False)
    seed: int = 0

    def of(self, entity: str) -> Operator:
        """The operator of an entity."""
        return self.own.get(entity, self.default)

    @property
    def mark(self) -> Callable[[str, str], str] | None:
        """A tag, for a look at the text without its values; None where all that is put there is a mark anyway."""
        if {self.default, *self.own.values()} <= {"tag", "pseudonym"}:
            return None
        return lambda entity, found: f"<{entity}>"

    def replace(self, entity: str, found: str) -> str:
        """What is put in the place of `found`."""
        return _REPLACE[self.of(entity)](self, entity, found)

    def digest(self, entity: str, found: str) -> str | None:
        """16 hexadecimal digits that stand for `found` in the ledger; None where there is no key."""
        return None if self.key is None else keyed(self.key, entity, found).hex()[:16]

    def _pseudonym(self, entity: str, found: str) -> str:
        assert self.key is not None, "a stage with pseudonyms reads its key first"
        return f"<{entity}:{letters(keyed(self.key, entity, found))}>"

    def _surrogate(self, entity: str, found: str) -> str:
        if entity not in RESERVED:
            return f"<{entity}>"
        # A seed is a key that everybody may know: the digests differ from those of any real key.
        key = sha256(b"tamis pii: seed %d" % self.seed).digest() if self.key is None else self.key
        return surrogate(entity, found, keyed(key, entity, found))


_REPLACE: dict[Operator, Callable[[Operators, str, str], str]] = {
    "tag": lambda _, entity, found: f"<{entity}>",
    "redact": lambda _, entity, found: "",
    "mask": lambda _, entity, found: "".join(c if c in _SHAPE or c.isspace() else "*" for c in found),
    "pseudonym": Operators._pseudonym,
    "surrogate": Operators._surrogate,
}
