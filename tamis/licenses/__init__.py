"""LICENCES, BY THEMSELVES: how they are written, what they permit, how they go together. Knows nothing of records.

A table written from general knowledge stands behind it; it helps to sort and to warn, and is no legal advice.
"""

from tamis.licenses.permissions import Permissions, choices, join, permissions, permissions_of_all, standing_conflict
from tamis.licenses.spdx import canonical

__all__ = ["Permissions", "canonical", "choices", "join", "permissions", "permissions_of_all", "standing_conflict"]
