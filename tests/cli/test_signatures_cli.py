"""`tamis signatures`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from making import sentences, write_lines

from tamis.curate.signatures import Signer, sign

Tamis = Callable[..., tuple[int, str]]


def test_the_file_holds_what_sign_gives(corpus: Path, tmp_path: Path, tamis: Tamis) -> None:
    out = tmp_path / "s.parquet"
    code, said = tamis("signatures", corpus, "-o", out, "--on", "text", "--num-perm", 32, "--scheme", "legacy")
    assert (code, said) == (0, f"400 signatures of 32 slots: {out}\n")
    assert pq.read_table(out).equals(sign(corpus, on=("text",), num_perm=32, scheme="legacy"), check_metadata=True)


def test_json_counts_what_could_not_be_read(tmp_path: Path, tamis: Tamis) -> None:
    file = write_lines(tmp_path / "a.jsonl", [*sentences(3), b"{broken"])
    code, said = tamis("signatures", file, "-o", tmp_path / "s.parquet", "--json")
    found = json.loads(said)
    assert code == 0 and (found["signed"], found["unreadable"]) == (3, 1) and found["first"]


def test_a_parameter_out_of_bounds_is_a_sentence(corpus: Path, tmp_path: Path, tamis: Tamis) -> None:
    code, said = tamis("signatures", corpus, "-o", tmp_path / "s.parquet", "--ngram", 0)
    assert (code, said) == (2, "tamis: ngram is 0; it can be 1 to 1,024\n")
    assert not (tmp_path / "s.parquet").exists()


def test_defaults_are_those_of_the_signer(corpus: Path, tmp_path: Path, tamis: Tamis) -> None:
    from tamis.cli.signatures import command

    given = {p.name: p.default for p in command.params}
    assert [given[name] for name in ("ngram", "num_perm", "seed", "scheme", "hash")] == list(vars(Signer()).values())[
        1:
    ]
