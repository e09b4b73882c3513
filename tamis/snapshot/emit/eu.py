"""eu_summary.md: the public summary of training content of Article 53(1)(d) of the EU AI Act, as far as the ledger fills it.

Headings follow the Commission's template: general information, list of data sources, data processing aspects. The contract
fills any line with a custom property `eu.LINE`. It summarises this dataset, which may be one of several a model is trained
on; what nobody declared is UNKNOWN, and the last list names it.
"""

from __future__ import annotations

import math
from typing import Any

from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import UNKNOWN, Dossier
from tamis.snapshot.emit.markdown import plain, table
from tamis.snapshot.emit.tally import Count, largest

TOP_SHARE = 0.1
"""Share of the hosts that are named, those with most text first; small providers may name TOP_SMALL share."""


def eu_summary(dossier: Dossier) -> bytes:
    """eu_summary.md."""
    gaps: list[str] = []
    lines = [
        f"# Summary of training content: {plain(dossier.title)} {dossier.version}\n",
        "Laid out as the template for Article 53(1)(d) of Regulation (EU) 2024/1689. Numbers are counted from the rows and the "
        f"ledger of `{dossier.snapshot.id}`; lines marked UNKNOWN were declared by nobody.\n",
        "## 1. General information\n",
        _list(dossier, gaps, "provider", "Provider and contact"),
        _list(dossier, gaps, "models", "Models trained on it"),
        _list(dossier, gaps, "placedOnMarket", "Date of placement on the market"),
        _item("Modality", "text"),
        _item("Size", _size(dossier)),
        _item("Languages", _languages(dossier)),
        _item("Collected", _period(dossier)),
        _list(dossier, gaps, "characteristics", "Other characteristics, as demography or region"),
        "\n## 2. List of data sources\n",
        f"All sources, by the name that the recipe gave them:\n\n{_counts('source', dossier.census.sources)}",
        _list(dossier, gaps, "publicDatasets", "2.1 Publicly available datasets"),
        _list(dossier, gaps, "licensedData", "2.2 Private datasets, licensed or from third parties"),
        _list(dossier, gaps, "crawler", "2.3 Crawlers used, their names, purposes and behaviour"),
        _hosts(dossier),
        _list(dossier, gaps, "userData", "2.4 Data of users of the provider"),
        _list(dossier, gaps, "syntheticData", "2.5 Synthetic data and the models that made it", _synthetic(dossier)),
        _list(dossier, gaps, "otherData", "2.6 Other sources"),
        "\n## 3. Data processing aspects\n",
        _list(dossier, gaps, "optOutMeasures", "3.1 How rights were reserved and opt-outs kept"),
        _list(dossier, gaps, "illegalContent", "3.2 Removal of illegal content", _removed(dossier)),
        _list(dossier, gaps, "processing", "3.3 Other processing", _steps(dossier)),
        f"\nLicences of the rows:\n\n{_counts('licence', dossier.census.licenses)}",
        f"\n## UNKNOWN\n\n{', '.join(f'`eu.{gap}`' for gap in gaps) or 'Nothing'}.\n",
    ]
    return "".join(line if line.endswith("\n\n") else line + "\n" for line in lines).encode()


def _list(dossier: Dossier, gaps: list[str], name: str, heading: str, known: str | None = None) -> str:
    declared = dossier.declared(f"eu.{name}")
    if declared in (None, "") and known is None:
        gaps.append(name)
    return _item(heading, declared if declared not in (None, "") else known or UNKNOWN)


def _item(heading: str, value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return f"- **{heading}:** {'; '.join(plain(v) for v in values)}"


def _size(dossier: Dossier) -> str:
    """Rows and bytes, and the template's band where the bytes leave one only: a token has a byte at least."""
    total = dossier.census.total
    band = (
        " A token holds a byte or more, so this is less than 1 billion tokens." if total.bytes < 1_000_000_000 else ""
    )
    tokens = dossier.declared("eu.tokens")
    counted = f"{tokens} tokens" if tokens else f"tokens {UNKNOWN}"
    return f"{total.rows:,} rows, {total.bytes:,} bytes of text, {counted}.{band}"


def _languages(dossier: Dossier) -> str:
    found = largest(dossier.census.languages, 50)
    if not found:
        return str(dossier.declared("eu.languages") or f"{UNKNOWN}: no step of the recipe looked")
    return ", ".join(f"{shown(name)} ({count.rows:,} rows)" for name, count in found)


def _period(dossier: Dossier) -> str:
    census = dossier.census
    if census.first_day is None:
        return f"{UNKNOWN}: no row says when"
    undated = f"; {census.undated:,} rows do not say when" if census.undated else ""
    return f"{census.first_day} to {census.last_day}{undated}"


def _hosts(dossier: Dossier) -> str:
    """The hosts that the template wants named: a tenth of all, those with most text."""
    hosts = dossier.census.domains
    if not hosts:
        return _item("Hosts", f"{UNKNOWN}: no row has a URL")
    most = max(1, math.ceil(len(hosts) * TOP_SHARE))
    listed = table(["host", "rows", "bytes of text"], [[h, *c] for h, c in largest(hosts, most)])
    return f"\nThe {most:,} of {len(hosts):,} hosts with most text (a tenth):\n\n{listed}"


def _synthetic(dossier: Dossier) -> str | None:
    derived = int((dossier.facts.get("conservation") or {}).get("derived") or 0)
    if derived:
        return f"{derived:,} rows were derived by the recipe; lineage.parquet has what each was made of"
    return None


def _removed(dossier: Dossier) -> str | None:
    found = [s for s in dossier.steps if str(s["stage"]).partition("@")[0] in ("profanity", "pii", "toxicity")]
    said = [f"{s['stage']} dropped {s['rows']['dropped']:,} and set {s['rows']['quarantined']:,} aside" for s in found]
    return "; ".join(said) or None


def _steps(dossier: Dossier) -> str | None:
    said = [f"{s['stage']} ({s['rows']['in']:,} in, {s['rows']['kept']:,} out)" for s in dossier.steps]
    return ", ".join(said) or None


def _counts(heading: str, counts: dict[Any, Count]) -> str:
    rows = [[shown(name, "none declared"), *count] for name, count in largest(counts, len(counts))]
    return table([heading, "rows", "bytes of text"], rows)
