"""What becomes of a record that breaks a rule: as a recipe says it, and as the ledger does."""

from __future__ import annotations

from typing import Literal

from tamis.schemas.ledger import Action

Choice = Literal["drop", "quarantine", "flag"]

ACTIONS: dict[Choice, Action] = {"drop": "drop", "quarantine": "quarantine", "flag": "review"}
"""A flagged record stays, and has a verdict for somebody to look at."""
