"""What a row may be: the four kinds, their texts, and the tables the ledger is made of."""

from tamis.schemas.derived import OUTCOME, REQUEST
from tamis.schemas.ledger import DECISION, FATE, FATES, QUARANTINE, VERDICT
from tamis.schemas.lineage import LINEAGE
from tamis.schemas.rows import ENVELOPE, KINDS, MESSAGE, MESSAGES, Kind, kind
from tamis.schemas.texts import flat, holds_text, joined, kind_of, rebuild, text_fields

__all__ = [
    "DECISION",
    "ENVELOPE",
    "FATE",
    "FATES",
    "KINDS",
    "LINEAGE",
    "MESSAGE",
    "MESSAGES",
    "OUTCOME",
    "QUARANTINE",
    "REQUEST",
    "VERDICT",
    "Kind",
    "flat",
    "holds_text",
    "joined",
    "kind",
    "kind_of",
    "rebuild",
    "text_fields",
]
