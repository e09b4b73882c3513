"""Signatures are those of datasketch, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import naive_grams as naive
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import sentences, write_lines

from tamis.curate.signatures import METADATA, Signer, sign, write
from tamis.errors import ColumnMissing, InputError, UsageError

datasketch = pytest.importorskip("datasketch")

TEXT = st.text(st.one_of(st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abC éÉ日ไ 1'-")))
WAYS = [(scheme, hash) for scheme in ("affine32", "affine64", "legacy") for hash in ("sha1", "xxh64")]


def by_datasketch(text: str, signer: Signer) -> list[int]:
    minhash = datasketch.MinHash(signer.num_perm, signer.seed, hashfunc=signer.hashfunc(), scheme=signer.scheme)
    minhash.update_batch(naive.grams(text, signer.ngram))
    return minhash.hashvalues.tolist()


def signatures(texts: list[str], **parameters: Any) -> list[list[int]]:
    return sign(pa.table({"text": texts}), **parameters)["signature"].to_pylist()


@pytest.mark.parametrize(("scheme", "hash"), WAYS)
@pytest.mark.parametrize(("num_perm", "seed", "ngram"), [(128, 1, 5), (7, 42, 1), (64, 2**32 - 1, 2)])
@settings(deadline=None, max_examples=15)
@given(texts=st.lists(TEXT, min_size=1, max_size=5))
def test_a_signature_is_that_of_datasketch(
    texts: list[str], scheme: Any, hash: Any, num_perm: int, seed: int, ngram: int
) -> None:
    signer = Signer(None, ngram, num_perm, seed, scheme, hash)
    expected = [by_datasketch(text, signer) for text in texts]
    given_ = {"ngram": ngram, "num_perm": num_perm, "seed": seed, "scheme": scheme, "hash": hash}
    assert signatures(texts, **given_) == expected


@pytest.mark.parametrize("scheme", ["affine32", "affine64", "legacy"])
def test_a_long_text_is_signed_as_by_datasketch(scheme: Any) -> None:
    text = " ".join(f"Wort{k * k % 1009} é" for k in range(3000))
    assert signatures([text], scheme=scheme) == [by_datasketch(text, Signer(scheme=scheme))]


def test_records_without_a_word_have_the_signature_of_an_empty_minhash() -> None:
    assert signatures(["", "—"]) == [datasketch.MinHash().hashvalues.tolist()] * 2


def test_a_file_is_signed_as_a_table_is(tmp_path: Path) -> None:
    rows = sentences(50)
    file = write_lines(tmp_path / "a.jsonl", rows)
    signed = sign(file)
    assert signed["signature"].to_pylist() == signatures([row["text"] for row in rows])
    assert signed["id"].to_pylist() == [row["id"] for row in rows]


def test_what_is_written_says_how_it_was_made(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [*sentences(5), b"{broken"])
    done = write(file, tmp_path / "s.parquet", Signer(num_perm=16, on=("text",)))
    stored = pq.read_table(tmp_path / "s.parquet")
    assert (done.signed, done.unreadable, stored.num_rows) == (5, 1, 5)
    assert Signer(**json.loads(stored.schema.metadata[METADATA])) == Signer(num_perm=16, on=("text",))


def test_nothing_is_written_where_no_row_can_be_read(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [b"{broken"] * 3)
    with pytest.raises(InputError, match="none of 3 rows could be read; the first: "):
        write(file, tmp_path / "s.parquet", Signer())
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


def test_all_texts_of_a_chat_are_signed_or_those_that_are_named() -> None:
    chat = pa.table({"prompt": ["a b c"], "chosen": ["d"], "rejected": ["e f"]})
    whole, prompt = sign(chat, ngram=2, hash="xxh64"), sign(chat, ngram=2, hash="xxh64", on="prompt")
    assert (
        whole["signature"].to_pylist()
        != prompt["signature"].to_pylist()
        == signatures(["a b c"], ngram=2, hash="xxh64")
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ngram": 0}, "ngram is 0; it can be 1 to 1,024"),
        ({"num_perm": 1}, "num_perm is 1; it can be 2 to 65,536"),
        ({"seed": -1}, "seed is -1"),
        ({"scheme": "affine"}, "scheme is 'affine'; it can be affine32, affine64, legacy"),
        ({"hash": "md5"}, "hash is 'md5'; it can be sha1, xxh64"),
    ],
)
def test_a_parameter_out_of_bounds_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Signer(**parameters)


def test_fields_that_are_missing_or_no_text_are_refused() -> None:
    table = pa.table({"text": ["a"]})
    with pytest.raises(ColumnMissing, match="'body'"):
        sign(table, on="body")
    with pytest.raises(UsageError, match="'record_id' is fixed_size_binary"):
        sign(table, on="record_id")


def test_a_damaged_file_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00" + np.random.default_rng(1).bytes(40))
    with pytest.raises(InputError, match=r"a\.jsonl\.gz"):
        sign(tmp_path / "a.jsonl.gz")
