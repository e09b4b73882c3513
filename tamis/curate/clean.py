"""Repair of text, rule by rule; every rule can be turned off, and cleaning what is clean changes nothing.

    mojibake    UTF-8 that was read as something else (`sÃ³` for só), line by line, by ftfy
    html        tags and entities that were left over: tamis.curate.markup
    line_ends   CR LF, CR, VT, FF, NEL, U+2028 and U+2029 become LF
    control     C0 and C1 controls but tab and LF, DEL, and what has no width and no meaning: U+00AD soft hyphen, U+200B
                zero width space, U+2060 word joiner, U+FEFF byte order mark. Joiners (U+200C, U+200D) and the marks of
                writing direction (U+200E, U+200F, U+202A-E, U+2066-9) stay: Persian, Hindi, Hebrew and emoji need them
    whitespace  the no-break space and the other odd spaces (U+1680, U+2000-A, U+202F, U+205F) become a space; blanks at
                the end of a line go; more than two blank lines become one. Indents stay, and so does U+3000 in a line
    nfc         Unicode normalisation form C

In this order, over again while that changes something: a decoded entity may be a zero width space. A string that has
nothing to repair is looked at once and handed back as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.markup import without_markup
from tamis.kernels.clean import (
    CONTROL,
    HTML,
    LINE_ENDS,
    MOJIBAKE,
    NFC,
    WHITESPACE,
    kinds,
    mojibake_masks,
    packed_names,
    scan,
    tidy,
)
from tamis.kernels.codepoints import combining
from tamis.kernels.hash import bytes_of
from tamis.schemas import flat, kind_of, rebuild
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions

RULES = {
    "mojibake": (MOJIBAKE, "text read in the wrong encoding was repaired"),
    "html": (HTML, "remnants of HTML were taken out"),
    "line_ends": (LINE_ENDS, "line ends became LF"),
    "control": (CONTROL, "control and zero width characters were taken out"),
    "whitespace": (WHITESPACE, "odd spaces, blanks at line ends or runs of blank lines were put right"),
    "nfc": (NFC, "characters were composed (NFC)"),
}

ROUNDS = 8
"""Each round uncovers what one level of wrapping hid; in 90,832 web texts none needed more than two."""


@dataclass(frozen=True)
class Clean(Stage):
    """Repair every text: wrong encodings, HTML remnants, line ends, controls, white space, composition."""

    mojibake: bool = True
    html: bool = True
    line_ends: bool = True
    control: bool = True
    whitespace: bool = True
    nfc: bool = True

    name: ClassVar[str] = "clean"
    edits: ClassVar[bool] = True
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("changes", pa.uint8(), "Rules that changed the text: one bit each, in the order of `RULES`.", False),
            field("grown", pa.int32(), "Code points the text has more than before.", False),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(RULES)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are on; the value of a decision is the change in code points."""
        return tuple(Rule(id, "edit", says=says) for id, (_, says) in RULES.items() if getattr(self, id))

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The text fields, repaired, and what was done to each row."""
        want = sum(bit for id, (bit, _) in RULES.items() if getattr(self, id))
        n = batch.num_rows
        changes, grown = np.zeros(n, np.uint8), np.zeros(n, np.int32)
        columns = {}
        for name in kind_of(batch.schema).texts:
            column = batch.column(name)
            strings, offsets = flat(column)
            cleaned, did = clean_strings(strings, want)
            columns[name] = column if cleaned is strings else rebuild(column, cleaned)
            at = np.flatnonzero(did)
            if len(at):
                rows = at if offsets is None else np.searchsorted(offsets, at, side="right") - 1
                taken = pa.array(at)
                np.bitwise_or.at(changes, rows, did[at])
                np.add.at(grown, rows, _lengths(cleaned.take(taken)) - _lengths(strings.take(taken)))
        columns |= {"changes": pa.array(changes), "grown": pa.array(grown)}
        return pa.record_batch(columns)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """An edit for every row that changed: its rules joined by +, and by how many code points it grew."""
        # A replay asks about records that were never measured, too: theirs is null.
        changes = scores.column("changes").fill_null(0).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(changes)
        kinds, which = np.unique(changes[rows], return_inverse=True)
        names = ["+".join(id for id, (bit, _) in RULES.items() if kind & bit) for kind in kinds.tolist()]
        rule = pa.DictionaryArray.from_arrays(pa.array(which, pa.int16()), pa.array(names, pa.string()))
        grown = scores.column("grown").fill_null(0).to_numpy(zero_copy_only=False)
        return decisions(rows.astype(np.uint32), rule, grown[rows])


def clean_strings(strings: pa.StringArray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    """`strings` under the rules in `want`, and which changed each: (n,) uint8. The same array where none did."""
    done = np.zeros(len(strings), np.uint8)
    suspect = _scan(strings) & want
    rows = np.flatnonzero(suspect)
    if not len(rows):
        return strings, done
    before = work = strings.take(pa.array(rows))
    did = np.zeros(len(rows), np.uint8)
    busy, suspect = np.arange(len(rows)), suspect[rows]
    for _ in range(ROUNDS):
        part, bits = _round(work if len(busy) == len(work) else work.take(pa.array(busy)), suspect, want)
        did[busy] |= bits
        work = _put(work, busy, part)
        # A string that did not change has nothing left to repair, whatever the scan suspects.
        again = (bits != 0) & (suspect != 0)
        busy, suspect = busy[again], suspect[again]
        if not len(busy):
            break
    # Two rules may undo each other; what is as it was has not changed.
    did[_equal(before, work)] = 0
    if not did.any():
        return strings, done
    done[rows] = did
    return _put(strings, rows, work), done


def _round(strings: pa.StringArray, suspect: np.ndarray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    """Every rule of `want` once, in order, where `suspect` names it, and which of them changed each string: (n,) uint8.

    suspect  (n,) uint8   what `scan` says of each string; kept up to date as they change
    """
    bits = np.zeros(len(strings), np.uint8)
    tidies = LINE_ENDS | CONTROL | WHITESPACE
    for rules, change in ((MOJIBAKE, _unscrambled), (HTML, _unmarked), (tidies, _tidied), (NFC, _composed)):
        at = np.flatnonzero(suspect & rules)
        if not len(at):
            continue
        old = strings.take(pa.array(at))
        new, did = change(old, want)
        changed = np.flatnonzero(did)
        bits[at[changed]] |= did[changed]
        suspect[at[changed]] = _scan(new.take(pa.array(changed))) & want
        strings = _put(strings, at, new)
    return strings, bits


def _scan(strings: pa.StringArray) -> np.ndarray:
    out = np.zeros(len(strings), np.uint8)
    filled = pc.fill_null(strings, "") if strings.null_count else strings
    scan(*bytes_of(filled), kinds(), combining(), mojibake_masks(), packed_names(), out)
    return out


def _unscrambled(strings: pa.StringArray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    """ftfy's repair of every line that the scan suspects: what was pasted in one line says nothing of the next."""
    from ftfy import fix_encoding

    lists = pc.split_pattern(strings, "\n")
    lines = lists.flatten()
    at = np.flatnonzero(_scan(lines) & MOJIBAKE)
    repaired = [fix_encoding(line) for line in lines.take(pa.array(at)).to_pylist()]
    lines = _put(lines, at, pa.array(repaired, lines.type))
    new = pc.binary_join(pa.ListArray.from_arrays(lists.offsets, lines), "\n")
    return new, np.where(_equal(strings, new), 0, MOJIBAKE).astype(np.uint8)


def _unmarked(strings: pa.StringArray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    new = pa.array([without_markup(text) for text in strings.to_pylist()], strings.type)
    return new, np.where(_equal(strings, new), 0, HTML).astype(np.uint8)


def _tidied(strings: pa.StringArray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    data, offsets = bytes_of(strings)
    out, ends = np.empty(int(offsets[-1] - offsets[0]) + 8, np.uint8), np.zeros(len(offsets), offsets.dtype)
    bits = np.zeros(len(strings), np.uint8)
    tidy(data, offsets, kinds(), want, out, ends, bits)
    return pa.Array.from_buffers(strings.type, len(strings), [None, pa.py_buffer(ends), pa.py_buffer(out)]), bits


def _composed(strings: pa.StringArray, want: int) -> tuple[pa.StringArray, np.ndarray]:
    new = pc.utf8_normalize(strings, "NFC")
    return new, np.where(_equal(strings, new), 0, NFC).astype(np.uint8)


def _put(strings: pa.StringArray, at: np.ndarray, new: pa.StringArray) -> pa.StringArray:
    """`strings` with `new` in the places `at`, which ascend."""
    if not len(at):
        return strings
    if len(at) == len(strings):
        return new
    mask = np.zeros(len(strings), np.bool_)
    mask[at] = True
    return pc.replace_with_mask(strings, pa.array(mask), new)


def _equal(a: pa.StringArray, b: pa.StringArray) -> np.ndarray:
    same: np.ndarray = pc.equal(a, b).to_numpy(zero_copy_only=False).astype(np.bool_)
    return same


def _lengths(strings: pa.StringArray) -> np.ndarray:
    lengths: np.ndarray = pc.utf8_length(strings).to_numpy(zero_copy_only=False)
    return lengths
