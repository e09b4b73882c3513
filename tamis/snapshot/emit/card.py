"""README.md: the dataset card that the Hugging Face hub shows and `datasets.load_dataset(folder)` goes by."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pyarrow as pa
import yaml

from tamis.licenses import canonical
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import Dossier
from tamis.snapshot.emit.markdown import plain, table
from tamis.snapshot.emit.tally import largest
from tamis.snapshot.licences import RULES

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
)

TASKS = {
    "document": "text-generation",
    "chat": "text-generation",
    "preference": "text-generation",
    "eval_item": "question-answering",
}

HUB = """apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0
bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0
cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
eupl-1.2 agpl-3.0 gfdl gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1
ncsa unlicense zlib pddl lgpl-lr llama2 llama3 gemma"""
"""Licences as the hub's page of dataset cards names them, without those that name no one licence."""

MOST = 20
"""Sources, hosts and licences that the card lists; the other documents have them all."""


def card(dossier: Dossier) -> bytes:
    """README.md: front matter for programs, then what a reader wants to know first."""
    # width: PyYAML would fold long names, and a folded line is read with a space in it by some.
    front = yaml.safe_dump(_front(dossier), sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{front}---\n\n{_body(dossier)}".encode()


def _front(dossier: Dossier) -> dict[str, Any]:
    front = {
        "pretty_name": dossier.title,
        "license": _licenses(dossier),
        "language": [shown(name) for name in sorted(dossier.census.languages) if re.fullmatch("[a-z]{2,3}", name)],
        "task_categories": [TASKS[k]] if (k := str(dossier.facts["kind"])) in TASKS else [],
        "size_categories": [next((name for most, name in SIZES if dossier.rows < most), "n>1T")],
        "tags": ["tamis", dossier.facts["kind"]],
        "configs": [{"config_name": "default", "data_files": _data_files(dossier)}],
        "dataset_info": _info(dossier),
    }
    return {name: value for name, value in front.items() if value not in ([], None)}


def _data_files(dossier: Dossier) -> list[dict[str, str]]:
    return [{"split": split_name(split), "path": f"data/{split}-?????-of-?????.parquet"} for split in dossier.splits]


def _info(dossier: Dossier) -> dict[str, Any]:
    """Columns and rows, which `load_dataset` holds the files against."""
    features = [_feature(f) for f in dossier.snapshot.schema]
    splits: list[dict[str, Any]] = [
        {
            "name": split_name(split),
            "num_bytes": dossier.census.split(split).bytes,
            "num_examples": rows,
        }
        for split, rows in dossier.splits.items()
    ]
    sizes = {
        "download_size": sum(f["bytes"] for f in dossier.files),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }
    # One column that cannot be told leaves them all to the files themselves: half a list would be refused.
    return {**({"features": features} if None not in features else {}), "splits": splits, **sizes}


def split_name(split: str) -> str:
    """`split` as `datasets` takes it: words with single dots between them."""
    return ".".join(re.sub(r"\W", "_", word) for word in split.split(".") if word) or "train"


def _feature(field: pa.Field) -> dict[str, Any] | None:
    """A column as the front matter writes it; None where it has no way to."""
    of = _type(field.type)
    return None if of is None else {"name": field.name, **of}


def _type(kind: pa.DataType) -> dict[str, Any] | None:
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        of = _type(kind.value_type)
        return None if of is None else {"list": of.get("dtype") or of.get("struct") or of}
    if pa.types.is_struct(kind):
        members = [_feature(f) for f in kind]
        return None if None in members else {"struct": members}
    # datasets 3 knows no binary of a fixed size and refuses the files; named so, it reads them, and so does 5.
    if pa.types.is_fixed_size_binary(kind):
        return {"dtype": "binary"}
    texts = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    if not (pa.types.is_primitive(kind) or kind in texts) or pa.types.is_duration(kind):
        return None
    names = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
    return {"dtype": names.get(str(kind), str(kind))}


def _licenses(dossier: Dossier) -> list[str]:
    """The licences of the rows as the hub names them; `other` for what it has no name for."""
    found = set()
    for name in dossier.census.licenses:
        expression = canonical(name) if name else None
        found.add("unknown" if expression is None else _hub().get(expression, "other"))
    return sorted(found)


@cache
def _hub() -> dict[str, str]:
    """The hub's name of each SPDX id that it has one for."""
    named = {id: name for name in HUB.split() if (id := canonical(name)) is not None}
    return named | {f"{id.removesuffix('-only')}-or-later": name for id, name in named.items() if id.endswith("-only")}


def _body(dossier: Dossier) -> str:
    census, facts = dossier.census, dossier.facts
    parts = [
        f"# {plain(dossier.title)}\n\n{plain(dossier.description)}\n",
        f"Version {dossier.version} of `{dossier.name}`, frozen {dossier.created}. Its id is `{dossier.snapshot.id}`; "
        f"the Merkle root of its records is `{facts['content']['root']}`. `tamis verify` checks both, and every file, "
        "offline.\n",
        '```python\nfrom datasets import load_dataset\n\nrows = load_dataset("path/to/this/folder")\n```\n',
        "## What is in it\n",
        table(["split", "rows", "bytes of text"], [[s, n, census.split(s).bytes] for s, n in dossier.splits.items()]),
        _sources(dossier),
        "## What was taken out\n",
        _flow(dossier),
        "## Licences\n",
        table(
            ["licence", "rows"],
            [[shown(name, "none declared"), count.rows] for name, count in list(census.licenses.items())[:MOST]],
        ),
        _conflicts(dossier),
        "## What is not known\n",
        f"{plain(dossier.said('limitations') or 'The contract says nothing of limitations.')}\n",
    ]
    return "\n".join(parts)


def _sources(dossier: Dossier) -> str:
    sources, hosts = dossier.census.sources, dossier.census.domains
    text = table(["source", "rows", "bytes of text"], [[s, *c] for s, c in largest(sources, MOST)])
    if hosts:
        text += "\n" + table(["host", "rows", "bytes of text"], [[h, *c] for h, c in largest(hosts, MOST)])
    more = [f"{len(c) - MOST:,} more {what}" for c, what in ((sources, "sources"), (hosts, "hosts")) if len(c) > MOST]
    return text + (f"\nThere are {' and '.join(more)}.\n" if more else "")


def _conflicts(dossier: Dossier) -> str:
    found = [f"- {c.rows:,} records: {RULES[c.rule]} ({plain(c.says)})." for c in dossier.licences.conflicts]
    notes = [f"- {plain(note)}." for note in dossier.licences.notes]
    lines = [*found, *notes] or ["No conflict was found."]
    return "\n".join([*lines, "\n`NOTICE.md` says what they ask for, `licenses.json` has all that was found.\n"])


def _flow(dossier: Dossier) -> str:
    if not dossier.steps:
        return "The snapshot holds no run: what was taken out before is not known.\n"
    rows = [
        [s["stage"], s["rows"]["in"], s["rows"]["kept"], s["rows"]["dropped"], s["rows"]["quarantined"]]
        for s in dossier.steps
    ]
    return table(["step", "in", "kept", "dropped", "set aside"], rows)
