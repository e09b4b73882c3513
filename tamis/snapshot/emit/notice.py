"""NOTICE.md: whose text this is, by the rows that are in it; those that were taken out owe nobody anything."""

from __future__ import annotations

from tamis.licenses import canonical, permissions
from tamis.licenses.spdx import leaves
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import Dossier
from tamis.snapshot.emit.markdown import plain, table
from tamis.snapshot.emit.tally import Count, largest


def notice(dossier: Dossier) -> bytes:
    """What each licence asks for, and which sources are under it."""
    edited = [str(s["stage"]) for s in dossier.steps if any(r["fate"] == "edited" for r in s["reasons"])]
    parts = [
        f"# Whose text this is: {plain(dossier.title)} {dossier.version}\n",
        f"The {dossier.rows:,} rows of this dataset stay under the licences they came with, as the column `license` says of "
        "each. `source`, `url` and `meta` say where a row is from; keep them with it wherever attribution is asked for.\n",
        f"The texts were changed by {', '.join(edited)}; `ledger/` says which, and how.\n"
        if edited
        else "The texts are as they were read.\n",
    ]
    groups = dossier.census.groups
    for name, count in dossier.census.licenses.items():
        found = {source: n for (source, license), n in groups.items() if license == name}
        parts += [_section(name, count, found)]
    return "\n".join(parts).encode()


def _section(name: str | None, count: Count, sources: dict[str, Count]) -> str:
    expression = canonical(name) if name else None
    asked = permissions(expression)
    links = [f"<https://spdx.org/licenses/{id}.html>" for id in leaves(expression) if not id.startswith("LicenseRef-")]
    asks = [
        *(["keep the names of the authors and the notice"] if asked.attribution and asked.use != "unknown" else []),
        *([f"pass what is built with it on under {', '.join(sorted(asked.share_alike))}"] if asked.share_alike else []),
        *(["do not pass changed versions on"] if not asked.derivatives and asked.use != "unknown" else []),
        *([f"{asked.use} use only"] if asked.use in ("noncommercial", "research") else []),
        *(["some uses are shut out"] if asked.use == "restricted" else []),
    ]
    if name is None:
        said = "No licence was declared. That is no leave to use these rows."
    elif expression is None or asked.use == "unknown":
        said = "The licence is not one that SPDX knows; what it asks for has to be read where the rows are from."
    else:
        said = f"Asks to: {'; '.join(asks)}." if asks else "Asks for nothing."
    rows = [[source, n.rows] for source, n in largest(sources, len(sources))]
    heading = plain(shown(expression or name, "No licence declared"))
    text = f"## {heading}\n\n{count.rows:,} rows. {said}\n"
    return "\n".join([text, *([" ".join(links) + "\n"] if links else []), table(["source", "rows"], rows)])
