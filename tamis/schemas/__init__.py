"""What a row may be: the four kinds, their texts, the tables the ledger is made of, what judges say, what a model answers."""

from tamis.schemas.derived import OUTCOME, REQUEST
from tamis.schemas.judgment import JUDGMENT, PANEL, Order, Verdict
from tamis.schemas.ledger import DECISION, FATE, FATES, QUARANTINE, VERDICT
from tamis.schemas.lineage import LINEAGE
from tamis.schemas.rows import ENVELOPE, KINDS, MESSAGE, MESSAGES, Kind, kind
from tamis.schemas.sample import SAMPLE, SCORE, TIMING, Status
from tamis.schemas.texts import flat, holds_text, joined, kind_of, rebuild, text_fields

__all__ = [
    "DECISION",
    "ENVELOPE",
    "FATE",
    "FATES",
    "JUDGMENT",
    "KINDS",
    "LINEAGE",
    "MESSAGE",
    "MESSAGES",
    "OUTCOME",
    "PANEL",
    "QUARANTINE",
    "REQUEST",
    "SAMPLE",
    "SCORE",
    "TIMING",
    "VERDICT",
    "Kind",
    "Order",
    "Status",
    "Verdict",
    "flat",
    "holds_text",
    "joined",
    "kind",
    "kind_of",
    "rebuild",
    "text_fields",
]
