"""Every nasty specimen through `tamis run`: what became of each, and whether anything was lost.

    python benchmarks/nasty.py ../shared/data/nasty

Text specimens are written out as the bytes they are, each as a file of its own, and as one file of all texts. Exit code 1
where a record is lost, a run does not verify, or a traceback appears.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
import tarfile
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from tamis.cli import main as command_line

RECIPE = "name: nasty\ninput: {kind: document}\nstages: [clean@1: {}, exact@1: {}]\n"


class Case(NamedTuple):
    """Files for one run. `lines`: lines that are not blank, where the input has lines."""

    group: str
    files: dict[str, bytes]
    lines: int | None


def cases(folder: Path) -> Iterator[Case]:
    """Specimens as the files a user would have."""
    for name in ("blns", "ftfy_mojibake_a"):
        rows = list(specimens(folder / f"{name}.jsonl.gz"))
        as_rows = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        yield Case(f"{name}: as rows", {"a.jsonl": as_rows}, len(rows))
        plain = b"".join(row["text"].encode() + b"\n" for row in rows)
        yield Case(f"{name}: as bare lines", {"a.jsonl": plain}, lines(plain))
    for name in ("encodings_a", "json_test_suite_a"):
        found = [base64.b64decode(row["bytes_b64"]) for row in specimens(folder / f"{name}.jsonl.gz")]
        for each, data in enumerate(found):
            yield Case(f"{name}: a file each", {f"{each:03d}.jsonl": data}, lines(data))
        inside = b"".join(b'{"text":' + data.replace(b"\n", b" ").replace(b"\r", b" ") + b"}\n" for data in found)
        yield Case(f"{name}: as values of rows", {"a.jsonl": inside}, len(found))
        whole = b"\n".join(found)
        yield Case(f"{name}: all in one file", {"a.jsonl": b'{"text":"first"}\n' + whole}, lines(whole) + 1)
    for name in ("parquet_bad_a", "parquet_good"):
        with tarfile.open(folder / f"{name}.tar.gz") as tar:
            for member in tar:
                if member.name.endswith(".parquet"):
                    opened = tar.extractfile(member)
                    assert opened is not None
                    yield Case(f"{name}: a file each", {Path(member.name).name: opened.read()}, None)


def specimens(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a specimen file."""
    with gzip.open(path) as file:
        yield from map(json.loads, file)


def lines(data: bytes) -> int:
    """Lines that hold more than white space of JSON, a byte order mark at the beginning apart."""
    return sum(bool(line.strip(b" \t\r")) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


class Outcome(NamedTuple):
    """What became of one case. `lost`: why it is wrong, if it is."""

    code: int
    rows: dict[str, int]
    rules: Counter[str]
    lost: str


def attempt(case: Case, folder: Path) -> Outcome:
    """Run `case` in `folder` through the command line."""
    (folder / "in").mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    for name, data in case.files.items():
        (folder / "in" / name).write_bytes(data)
    code, said = tamis("run", folder / "recipe.yaml", "-i", folder / "in", "-o", folder / "run", "--quiet")
    if not (folder / "run" / "run.json").exists():
        refused = code == 2 and said.startswith("tamis: ")
        return Outcome(code, {}, Counter({"refused": 1}), "" if refused else said[-300:])
    facts = json.loads((folder / "run" / "run.json").read_bytes())
    rows, rules = facts["rows"], Counter[str]()
    for step in facts["steps"]:
        rules.update({r["rule"]: r["rows"] for r in step["reasons"] if r["fate"] == "quarantined"})
    whole, why = tamis("verify", folder / "run")
    balanced = rows["in"] == rows["kept"] + rows["dropped"] + rows["quarantined"]
    lost = case.lines is not None and rows["in"] != case.lines
    wrong = f"{rows['in']} of {case.lines} lines" if lost else "" if balanced else f"no balance: {rows}"
    return Outcome(code, rows, rules, wrong or (why[-300:] if whole else ""))


def tamis(*args: object) -> tuple[int, str]:
    """The command line, in this process: exit code and what it said on standard error."""
    said, code = io.StringIO(), 0
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            command_line([str(a) for a in args])
    except SystemExit as left:
        code = int(left.code or 0)
    except BaseException:
        return 99, traceback.format_exc()
    return code, said.getvalue()


def main(folder: Path) -> int:
    """Print the table; 1 where anything was lost."""
    groups: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for k, case in enumerate(cases(folder)):
            outcome = attempt(case, Path(scratch) / str(k))
            groups.setdefault(case.group, []).append(outcome)
            if outcome.lost:
                print(f"LOST {case.group} {[*case.files]}: {outcome.lost}")
    print("| specimens | runs | rows in | kept | dropped | quarantined, by rule | refused | exit codes |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | --- |")
    for group, found in groups.items():
        total = {key: sum(o.rows.get(key, 0) for o in found) for key in ("in", "kept", "dropped")}
        rules = sum((o.rules for o in found), Counter[str]())
        refused = rules.pop("refused", 0)
        named = ", ".join(f"{rule} {n}" for rule, n in rules.most_common()) or "—"
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(Counter(o.code for o in found).items()))
        cells = (group, len(found), total["in"], total["kept"], total["dropped"], named, refused, codes)
        print("| " + " | ".join(map(str, cells)) + " |")
    lost = sum(bool(o.lost) for found in groups.values() for o in found)
    print(f"\n{lost} lost or broken in {sum(map(len, groups.values()))} runs")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
