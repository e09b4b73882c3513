"""All documents of a snapshot, by the name of their files."""

from __future__ import annotations

from collections.abc import Callable

from tamis.snapshot.emit.card import card
from tamis.snapshot.emit.census import Census
from tamis.snapshot.emit.croissant import croissant
from tamis.snapshot.emit.cyclonedx import bill
from tamis.snapshot.emit.dossier import Dossier, Frozen, as_json
from tamis.snapshot.emit.dpts import dpts
from tamis.snapshot.emit.eu import eu_summary
from tamis.snapshot.emit.notice import notice
from tamis.snapshot.emit.openlineage import openlineage
from tamis.snapshot.emit.spdx import spdx
from tamis.snapshot.inherited import licences
from tamis.snapshot.licences import Licences

DOCUMENTS: dict[str, Callable[[Dossier], bytes]] = {
    "README.md": card,
    "croissant.json": croissant,
    "bom.cdx.json": bill,
    "dataset.spdx.json": spdx,
    "NOTICE.md": notice,
    "licenses.json": lambda dossier: as_json({"snapshot": dossier.snapshot.id, **dossier.licences.facts()}),
    "openlineage.jsonl": openlineage,
    "eu_summary.md": eu_summary,
    "dpts.json": dpts,
}


def documents(snapshot: Frozen, census: Census | None = None, found: Licences | None = None) -> dict[str, bytes]:
    """Every document of `snapshot`, the same bytes each time.

    census  counts over its rows, where they were counted as they went by; None: the rows are read for it
    found   its licences, where parents of its records may lie in other snapshots; None: they are looked for in it alone
    """
    census = census or counted(snapshot)
    dossier = Dossier(snapshot, census, found or licences(snapshot, census=census))
    return {name: document(dossier) for name, document in DOCUMENTS.items()}


def counted(snapshot: Frozen) -> Census:
    """The census of a snapshot that lies on disk."""
    census = Census()
    for split in snapshot.facts["splits"]:
        for batch in snapshot.batches(split=split):
            census.add(batch, split)
    return census
