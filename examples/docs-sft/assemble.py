"""Assemble corpus.jsonl from text that comes with Python and with the packages pinned in packages.txt.

    python3.11 assemble.py            downloads the packages (about 200 MB) and writes corpus.jsonl and NOTICE.md

One row:

    {"id": "networkx.classes.filters", "text": "Filter factories to hide or show sets of nodes and edges.\\n…",
     "url": "https://networkx.org/", "source": "package-docstrings", "license": "BSD-3-Clause",
     "collected_at": "2026-11-21", "package": "networkx", "version": "3.6.1", "line": 1}

Nothing is made up and nothing is cleaned: `text` is what the file holds and `license` what the package's metadata
declares, in its own spelling, or null where it declares nothing. What is taken of each source is decided by size limits
and by a hash of source and id, so the same Python (3.11.7) and packages (for Linux on x86-64) give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import email
import hashlib
import inspect
import json
import platform
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
COLLECTED_AT = "2026-11-21"
Row = dict[str, Any]


class Take(NamedTuple):
    """How much is taken of a source: rows, and the least and most characters of a row."""

    rows: int
    low: int
    high: int


TAKE = {
    "python-topics": Take(48, 0, 6_500),
    "python-docstrings": Take(620, 120, 2_300),
    "package-docstrings": Take(560, 120, 2_600),
    "package-readmes": Take(90, 1, 7_500),
    "package-licenses": Take(170, 0, 3_200),
    "translations": Take(260, 120, 1_600),
    "package-files": Take(260, 1, 1_800),
    "mojibake": Take(90, 1, 1_000),
}

PER_PACKAGE = 60
"""Rows of one package in one source, at most, so that a large package does not crowd out the others."""

LONG_LICENSES = (
    "packaging/LICENSE.APACHE",
    "nltk/LICENSE.txt",
    "requests/LICENSE",
    "certifi/LICENSE",
    "python/LICENSE",
)
"""Texts that many of the others refer to, taken whatever their size. The first three say the same, or nearly so."""

LOCALES = {"ar", "de", "el", "es", "fr", "hi", "ja", "ko", "pl", "pt_BR", "ru", "tr", "uk", "zh_Hans", "zh_CN"}

JUNK = {".css", ".csv", ".html", ".js", ".json", ".svg", ".txt", ".xml", ".toml"}


class Package(NamedTuple):
    """A downloaded wheel or source archive: what its metadata declares, and its files as UTF-8 text."""

    name: str
    version: str
    license: str | None
    url: str | None
    readme: str
    metadata: email.message.Message
    files: dict[str, str]

    def row(self, id: str, text: str, **extra: Any) -> Row:
        own = {"package": self.name, "version": self.version}
        return {"id": id, "text": text, "url": self.url, "license": self.license, **own, **extra}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", type=Path, help="folder that already holds the pinned packages")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "corpus.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packages = [
            read(path) for path in sorted(args.packages.iterdir() if args.packages else download(Path(scratch)))
        ]
    rows = [row for name in TAKE for row in choose(name, candidates(name, packages))]
    with args.output.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (args.output.parent / "NOTICE.md").write_text(notice(rows, packages), encoding="utf-8")
    print(f"{len(rows):,} rows, {args.output.stat().st_size:,} bytes: {args.output}")


def candidates(source: str, packages: list[Package]) -> Iterator[Row]:
    """Every row that `source` could give."""
    if source == "python-topics":
        yield from python_topics()
    elif source == "python-docstrings":
        yield from python_docstrings()
    elif source == "package-licenses":
        yield {**python_row("python/LICENSE", (Path(sysconfig.get_path("stdlib")) / "LICENSE.txt").read_text("utf-8"))}
    for package in packages:
        if source == "package-docstrings":
            yield from package_docstrings(package)
        elif source == "package-readmes":
            yield from package_readme(package)
        elif source == "package-licenses":
            yield from package_licenses(package)
        elif source == "translations":
            yield from translations(package)
        elif source == "package-files":
            yield from package_files(package)
        elif source == "mojibake":
            yield from mojibake(package)


def choose(source: str, found: Iterator[Row]) -> list[Row]:
    """The rows of `source` that are taken, sorted by id; ids are unique within a source."""
    take, fit = TAKE[source], {}
    for row in found:
        if row["id"] in LONG_LICENSES or (take.low <= len(row["text"]) <= take.high and row["text"].strip()):
            fit.setdefault(row["id"], row)
    drawn = sorted(fit.values(), key=lambda row: (row["id"] not in LONG_LICENSES, draw(source, row["id"])))
    seen: Counter[str] = Counter()
    taken = []
    for row in drawn:
        seen[row["package"]] += 1
        if len(taken) < take.rows and (row["package"] == "python" or seen[row["package"]] <= PER_PACKAGE):
            head = {"id": row.pop("id"), "text": row.pop("text"), "url": row.pop("url", None), "source": source}
            taken.append({**head, "license": row.pop("license"), "collected_at": COLLECTED_AT, **row})
    return sorted(taken, key=lambda row: row["id"])


def draw(source: str, id: str) -> bytes:
    return hashlib.sha256(f"{source}\0{id}".encode()).digest()


# Python itself


def python_row(id: str, text: str, **extra: Any) -> Row:
    return {
        "id": id,
        "text": text,
        "license": "PSF-2.0",
        "package": "python",
        "version": platform.python_version(),
        **extra,
    }


def python_topics() -> Iterator[Row]:
    """What `help("TOPIC")` prints: pages of the language reference as plain text."""
    from pydoc_data.topics import topics

    for name, text in topics.items():
        yield python_row(f"topic/{name}", text)


def python_docstrings() -> Iterator[Row]:
    lib = Path(sysconfig.get_path("stdlib"))
    skip = {"test", "tests", "site-packages", "idlelib", "lib2to3", "__pycache__", "pydoc_data", "ensurepip"}
    tag = f"v{platform.python_version()}"
    for path in sorted(lib.rglob("*.py")):
        inside = path.relative_to(lib)
        if skip.isdisjoint(inside.parts):
            for name, line, text in docstrings(path.read_text("utf-8", "replace"), inside.as_posix()):
                url = f"https://github.com/python/cpython/blob/{tag}/Lib/{inside.as_posix()}#L{line}"
                yield python_row(name, text, url=url, line=line)


def docstrings(code: str, path: str) -> Iterator[tuple[str, int, str]]:
    """Name, line and text of every docstring of a module, read without importing it."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return
    stack: list[tuple[str, ast.AST]] = [(module, tree)]
    while stack:
        name, node = stack.pop()
        text = ast.get_docstring(node, clean=False) if isinstance(node, HAS_DOC) else None
        if text and is_utf8(text):
            yield name, getattr(node, "lineno", 1), inspect.cleandoc(text)
        children = [n for n in ast.iter_child_nodes(node) if isinstance(n, HAS_DOC)]
        stack += [(f"{name}.{child.name}", child) for child in children]  # type: ignore[union-attr]


HAS_DOC = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def is_utf8(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


# Packages


def download(folder: Path) -> list[Path]:
    """The pinned packages, none of their dependencies; source archives only where the pin says so."""
    lines = [line for line in (HERE / "packages.txt").read_text().splitlines() if line and not line.startswith("#")]
    source = [line.split()[0] for line in lines if line.endswith(" source")]
    wheels = [line for line in lines if not line.endswith(" source")]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, "--only-binary", ":all:", *wheels], check=True)
    subprocess.run([*pip, "--no-binary", ":all:", *source], check=True)
    return list(folder.iterdir())


def read(path: Path) -> Package:
    """A wheel or source archive as a Package; files that are not UTF-8 are left out."""
    files = {name: text for name, data in sorted(members(path)) if (text := decoded(data)) is not None}
    about = min((n for n in files if n.endswith((".dist-info/METADATA", "/PKG-INFO"))), key=lambda n: n.count("/"))
    metadata = email.message_from_string(files[about])
    body = str(metadata.get_payload()) or str(metadata["Description"] or "")
    if path.name.endswith(".gz"):
        body = next((files[n] for n in files if re.fullmatch(r"[^/]+/README\.(md|rst)", n)), body)
        files = {n.partition("/")[2]: text for n, text in files.items()}
    return Package(metadata["Name"], metadata["Version"], declared(metadata), home(metadata), body, metadata, files)


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for info in wheel.infolist():
                if not info.is_dir() and info.file_size < 1 << 20:
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.size < 1 << 20:
                yield member.name, archive.extractfile(member).read()  # type: ignore[union-attr]


def decoded(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def declared(metadata: email.message.Message) -> str | None:
    """The licence in the package's own words: expression, else License line, else classifiers, else null."""
    one = str(metadata["License-Expression"] or metadata["License"] or "").strip()
    if one and "\n" not in one:  # several lines are the text of the licence, not its name
        return one
    said = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier", []) if c.startswith("License :: ")]
    return "; ".join(said) or None


def home(metadata: email.message.Message) -> str | None:
    """The project's page: the first https link that its metadata gives."""
    links = [metadata["Home-page"] or "", *(p.partition(", ")[2] for p in metadata.get_all("Project-URL", []))]
    return next((link for link in links if link.startswith("http")), None)


def package_docstrings(package: Package) -> Iterator[Row]:
    for path, code in package.files.items():
        inside = path.split("/")
        if path.endswith(".py") and not {"test", "tests", "testing", "_vendor", "docs"} & set(inside):
            for name, line, text in docstrings(code, path):
                yield package.row(name, text, line=line)


def package_readme(package: Package) -> Iterator[Row]:
    said = [c for c in package.metadata.get_all("Classifier", [])][:12]
    more = {"summary": package.metadata["Summary"], "classifiers": said}
    yield package.row(f"{package.name}/README", package.readme, **more)


def package_licenses(package: Package) -> Iterator[Row]:
    """Licence files, vendored ones too: those are what makes exact and near duplicates."""
    for path, text in package.files.items():
        name = path.rpartition("/")[2]
        if re.match(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", name) and not name.endswith((".py", ".pyi")):
            short = path.partition(".dist-info/licenses/")[2] or path.partition(".dist-info/")[2] or path
            row = package.row(f"{package.name.lower()}/{short}", text)
            # What is vendored is not under the licence that the package declares for itself.
            yield {**row, "license": None} if "_vendor" in path else row


def translations(package: Package) -> Iterator[Row]:
    """What a program says, in one language and in the order of its source files: a row for each such file."""
    for path, text in package.files.items():
        found = re.search(r"locale/([A-Za-z_]+)/LC_MESSAGES/(\w+)\.(po|json)$", path)
        if not found or found[1].partition("_")[0] not in {name.partition("_")[0] for name in LOCALES}:
            continue
        by_file = po_messages(text) if found[3] == "po" else json_messages(text)
        for part, said in by_file.items():
            id = f"{package.name}/{path.partition('/')[2] or path}#{part}"
            yield package.row(id, "\n".join(said), lang=found[1], messages=len(said))


def po_messages(text: str) -> dict[str, list[str]]:
    """Translated messages of a gettext catalogue by the source file they come from."""
    by_file: dict[str, list[str]] = {}
    for entry in text.split("\n\n"):
        where = re.search(r"^#: ([^\s:]+)", entry, re.M)
        said = re.search(r'^msgstr(?:\[0\])? ((?:".*"\n?)+)', entry, re.M)
        if where and said and "#, fuzzy" not in entry:
            message = "".join(ast.literal_eval(part) for part in said[1].splitlines())
            if message:
                by_file.setdefault(where[1], []).append(message)
    return by_file


def json_messages(text: str) -> dict[str, list[str]]:
    """Translated messages of a Jupyter catalogue, twenty to a row."""
    said = [v[0] for k, v in json.loads(text).items() if k and isinstance(v, list) and v[0]]
    return {str(k): said[k : k + 20] for k in range(0, len(said), 20)}


def package_files(package: Package) -> Iterator[Row]:
    """Short files that are no prose: templates, styles, minified scripts, tables, fixtures."""
    for path, text in package.files.items():
        if Path(path).suffix in JUNK and "LICENSE" not in path and "dist-info/licenses" not in path:
            yield package.row(f"{package.name}/{path}", text, suffix=Path(path).suffix, size=len(text.encode()))


def mojibake(package: Package) -> Iterator[Row]:
    """The cases that ftfy is tested on: text as it was found on the web, garbled and not."""
    if package.name == "ftfy" and "tests/test_cases.json" in package.files:
        for case in json.loads(package.files["tests/test_cases.json"]):
            row = package.row(f"ftfy/{case['label']}", case["original"], comment=case.get("comment"))
            yield {
                **row,
                "license": None,
            }  # ftfy's licence is not the licence of what it quotes, and nobody states that


def notice(rows: list[Row], packages: list[Package]) -> str:
    """Whose text the corpus holds, by package: version, licence as declared, home page, rows."""
    used: dict[tuple[str, str, str, str], int] = {}
    for row in rows:
        key = (row["package"], row["version"], row["license"] or "none stated", row["url"] or "")
        if row["package"] == "python":
            key = ("python", row["version"], "PSF-2.0", "https://www.python.org/")
        used[key] = used.get(key, 0) + 1
    head = (
        "# Whose text this is\n\n"
        "`corpus.jsonl` holds text of these packages, unchanged. It stays under their licences, which the second\n"
        "column gives in the packages' own words; the licence files that fit are themselves rows of the corpus\n"
        "(source `package-licenses`). The cases of ftfy's tests quote text found on the web.\n"
        "Written by `assemble.py`.\n\n"
        "| package | licence, as declared | rows | home |\n| --- | --- | ---: | --- |\n"
    )
    lines = (f"| {n} {v} | {lic} | {k} | {url} |\n" for (n, v, lic, url), k in sorted(used.items(), key=str))
    return head + "".join(lines)


if __name__ == "__main__":
    main()
