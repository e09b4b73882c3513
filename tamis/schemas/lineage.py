"""What a record was made of.

child 3f…a1  parent 8a…17  chunk  sha256:5d…
"""

from __future__ import annotations

import pyarrow as pa

from tamis.schemas._field import field
from tamis.schemas.ledger import NAME
from tamis.schemas.rows import RECORD_ID

LINEAGE = pa.schema(
    [
        field("child", RECORD_ID, "The record that was made.", False),
        field("parent", RECORD_ID, "A record it was made of.", False),
        field("kind", NAME, "How: chunk, merge, pair, synth, translate, judge, …", False),
        field("snapshot", NAME, "Snapshot that holds the parent, as sha256:…; null: not said, or the same."),
    ]
)
"""An edge for every parent of every record that is not its parent under the same id; sorted by child, then parent."""
