"""A contract of 20 rules over a million rows (about 1 GB of text) beside hand-written Polars and three peers.

    python benchmarks/contracts.py --peers FOLDER/bin/python

The rows are pieces of webmix (see corpus.py) with planted violations, the same on every machine. Wanted: every planted
violation found, no more CPU than hand-written Polars, at most a fifth of datacontract-cli's peak memory, and no false pass
where that tool has one (text declared integer; 1.0004 with maximum 1; both in Parquet). FOLDER is an environment with
datacontract-cli, pandera[polars] and dataframely, whose scripts are in contracts_peers.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure

HERE = Path(__file__).parent
BOUNDS = {"cpu by hand-written Polars": 1.0, "memory by datacontract-cli": 0.2}

PLANTED = {
    "id.required": 7,
    "id.pattern": 6,
    "id.unique": 11,
    "text.required": 5,
    "text.minLength": 13,
    "text.maxLength": 3,
    "url.pattern": 17,
    "url.maxLength": 4,
    "lang.required": 9,
    "lang.known": 19,
    "score.minimum": 5,
    "score.maximum": 23,
    "tokens.minimum": 8,
    "tokens.maximum": 2,
    "source_id.required": 6,
    "source_id.sources.id": 29,
    "license.pattern": 12,
    "created_at.minimum": 10,
    "split.known": 14,
    "enough": 0,
}
"""Rules of the contract, and the rows that break each: row 1000 + (place of the rule) + 50 j breaks it, for j < the number."""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: benchmark
version: 1.0.0
status: active
servers:
  - {server: local, type: local, path: "FOLDER/{model}.parquet", format: parquet}
schema:
  - name: documents
    properties:
      - name: id
        logicalType: string
        required: true
        unique: true
        logicalTypeOptions: {pattern: '^[a-z0-9-]+$'}
      - name: text
        logicalType: string
        required: true
        logicalTypeOptions: {minLength: 20, maxLength: 20000}
      - name: url
        logicalType: string
        logicalTypeOptions: {pattern: '^https?://', maxLength: 2000}
      - name: lang
        logicalType: string
        required: true
        quality:
          - {id: known, metric: invalidValues, arguments: {validValues: [en, de, fr, es]}, mustBe: 0}
      - name: score
        logicalType: number
        logicalTypeOptions: {minimum: 0, maximum: 1}
      - name: tokens
        logicalType: integer
        logicalTypeOptions: {minimum: 0, maximum: 1000000}
      - name: source_id
        logicalType: string
        required: true
        relationships: [{to: sources.id}]
      - name: license
        logicalType: string
        logicalTypeOptions: {pattern: '^[A-Za-z0-9.+-]+$'}
      - name: created_at
        logicalType: timestamp
        logicalTypeOptions: {minimum: '2020-01-01T00:00:00'}
      - name: split
        logicalType: string
        quality:
          - {id: known, metric: invalidValues, arguments: {validValues: [train, test]}, mustBe: 0}
    quality:
      - {id: enough, metric: rowCount, mustBeGreaterOrEqualTo: 1000}
  - name: sources
    properties:
      - {name: id, logicalType: string}
"""

_WRITE = """
import sys, os, json, polars as pl
from datetime import datetime
source, folder, planted = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
texts = pl.read_parquet(source, columns=["text"])["text"]
texts = texts.filter(texts.str.len_chars() > 200)
want, length, pieces, k = 1_000_000, 950, [], 0
while sum(map(len, pieces)) < want:
    cut = texts.str.slice(k * length, length)
    pieces.append(cut.filter(cut.str.len_chars() > 100) if k < 40 else texts.str.slice(0, length))
    k += 1
text = pl.concat(pieces).head(want)
i = pl.int_range(pl.len())
names = list(planted)
def bad(rule):
    place = i - 1000 - names.index(rule)
    return (place >= 0) & (place % 50 == 0) & (place < 50 * planted[rule])
def broken(column, **rules):
    for rule, value in rules.items():
        value = value if isinstance(value, pl.Expr) else pl.lit(value)
        column = pl.when(bad(rule.replace("__", "."))).then(value).otherwise(column)
    return column
frame = pl.DataFrame({"text": text})
frame = frame.select(
    id=broken(pl.format("doc-{}", i), id__required=None, id__pattern=pl.format("Doc {}", i), id__unique="doc-3"),
    text=broken(
        pl.format("{}. {}", i, "text"), text__required=None, text__minLength="x", text__maxLength=pl.lit("x" * 20001)
    ),
    url=broken(
        pl.format("https://example.org/{}", i), url__pattern="ftp//x", url__maxLength="https://example.org/" + "x" * 3000
    ),
    lang=broken(pl.lit(pl.Series(["en", "de", "fr", "es"])).gather(i % 4), lang__required=None, lang__known="xx"),
    score=broken((i % 1000) / 1000, score__minimum=-0.5, score__maximum=1.0004),
    tokens=broken(pl.col("text").str.len_chars().cast(pl.Int64) // 4, tokens__minimum=-1, tokens__maximum=10_000_000),
    source_id=broken(pl.format("s{}", i % 200), source_id__required=None, source_id__sources__id="gone"),
    license=broken(pl.lit("CC-BY-4.0"), license__pattern="CC BY 4.0"),
    created_at=broken(
        pl.lit(datetime(2025, 1, 1)) + pl.duration(seconds=i), created_at__minimum=pl.lit(datetime(1999, 1, 1))
    ),
    split=broken(pl.when(i % 10 == 0).then(pl.lit("test")).otherwise(pl.lit("train")), split__known="devel"),
)
frame.write_parquet(folder + "/documents.parquet.tmp", row_group_size=50_000, compression_level=3)
pl.DataFrame({"id": [f"s{n}" for n in range(200)]}).write_parquet(folder + "/sources.parquet")
print(frame["text"].str.len_bytes().sum())
os.rename(folder + "/documents.parquet.tmp", folder + "/documents.parquet")
"""

TRAPS = {
    "text declared integer": ("n", '["1", "2"]', "logicalType: integer"),
    "1.0004, maximum 1": ("n", "[1.0004, 0.5]", "logicalType: number\n        logicalTypeOptions: {maximum: 1}"),
}
"""Column, its values and what a contract promises of it: the two false passes of datacontract-cli 1.2.8 on Parquet."""


def main() -> None:
    """Generate, measure, compare what is found, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="Python of an environment with the peers; without it Polars alone")
    told = parser.parse_args()
    folder = made(told)
    what = {
        "tamis check": partial(ours, folder),
        "hand-written Polars": partial(script, sys.executable, "counts", folder),
    }
    what["hand-written Polars, rows named"] = partial(script, sys.executable, "rows", folder)
    if told.peers:
        for name in ("datacontract-cli", "pandera", "dataframely"):
            what[name] = partial(script, str(told.peers), name, folder)
    spent = measure.alternate(what, told.rounds)
    found = {name: json.loads(rounds[-1].output.splitlines()[-1]) for name, rounds in spent.items()}
    facts: dict[str, Any] = {"rules": len(PLANTED), "bounds": BOUNDS, "planted": PLANTED, "found": {}}
    rows = []
    base = measure.medians(spent["hand-written Polars"])
    for name, rounds in spent.items():
        middle = measure.medians(rounds)
        # A peer may count the first of equal keys too, and nulls among them: more than planted is found as well.
        missed = {rule: found[name].get(rule) for rule, n in PLANTED.items() if (found[name].get(rule) or 0) < n}
        facts["found"][name] = {**middle, "missed": missed}
        cells = [f"{middle['cpu']:.2f}", f"{middle['cpu'] / base['cpu']:.2f}", f"{middle['pss'] / 1e6:.0f}"]
        rows.append([name, *cells, f"{len(PLANTED) - len(missed)} of {len(PLANTED)}"])
    print(measure.table(["", "CPU s", "by Polars", "peak MB", "rules of which all planted rows are found"], rows))
    facts["traps"] = traps(told)
    print(json.dumps(facts["traps"], indent=1))
    measure.save(__file__, facts)


def made(told: argparse.Namespace) -> Path:
    """The folder with the rows and the contract."""
    folder: Path = told.cache / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "documents.parquet").exists():
        if not told.corpus.exists():
            sys.exit(f"no corpus at {told.corpus}; name its Parquet file by --corpus")
        done = measure.run([sys.executable, "-c", _WRITE, told.corpus, str(folder), json.dumps(PLANTED)])
        print(f"text: {int(done.output) / 1e6:,.0f} MB", file=sys.stderr)
    (folder / "contract.odcs.yaml").write_text(CONTRACT.replace("FOLDER", folder.as_posix()))
    return folder


def ours(folder: Path) -> measure.Spent:
    """tamis check, as from a shell; what it found is its last line."""
    command = [*corpus.tamis(), "check", folder / "documents.parquet", "-c", folder / "contract.odcs.yaml", "--json"]
    command += ["--table", "documents", "--reference", f"sources={folder / 'sources.parquet'}"]
    spent = measure.run(command, want=1)
    found = json.loads(spent.output)
    counts = {c["id"]: c["diagnostics"]["failed_rows"] for c in found["checks"] if c["result"] == "broken"}
    named = {c["id"] for c in found["checks"] if c["failedSamples"]}
    assert named >= set(counts), f"no rows are named for {set(counts) - named}"
    return spent._replace(output=json.dumps(counts))


def script(python: str, name: str, folder: Path) -> measure.Spent:
    """A peer in its own process; its last line is what it found."""
    return measure.run([python, HERE / "contracts_peers.py", name, str(folder)])


def traps(told: argparse.Namespace) -> dict[str, dict[str, str]]:
    """What tamis and datacontract-cli say of data that breaks its contract in two well-hidden ways."""
    found: dict[str, dict[str, str]] = {}
    for name, (column, values, promise) in TRAPS.items():
        folder = told.cache / "traps" / str(len(found))
        folder.mkdir(parents=True, exist_ok=True)
        write = f"import polars as pl; pl.DataFrame({{'{column}': {values}}}).write_parquet('{folder}/t.parquet')"
        measure.run([sys.executable, "-c", write])
        head = CONTRACT[: CONTRACT.index("schema:")].replace("FOLDER", folder.as_posix())
        body = f"schema:\n  - name: t\n    properties:\n      - name: {column}\n        {promise}\n"
        (folder / "c.odcs.yaml").write_text(head + body)
        own = measure.run([*corpus.tamis(), "check", folder / "t.parquet", "-c", folder / "c.odcs.yaml"], want=None)
        found[name] = {"tamis": "broken" if own.exit == 1 else f"exit code {own.exit}"}
        if told.peers:
            cli = told.peers.with_name("datacontract")
            peer = measure.run([cli, "test", folder / "c.odcs.yaml"], want=None)
            found[name]["datacontract-cli"] = "broken" if peer.exit else "passed (false)"
    return found


if __name__ == "__main__":
    main()
