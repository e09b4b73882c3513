"""The model that other tests train and evaluate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny import CONTEXT

SAID = [{"role": "user", "content": "What is 2 plus 3?"}, {"role": "assistant", "content": "5."}]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_the_tiny_model_has_the_same_bytes_in_every_process(tiny: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    subprocess.run([sys.executable, Path(__file__).parents[1] / "tiny.py", again], check=True, timeout=120)
    assert bytes_of(again) == bytes_of(tiny)


def test_its_template_marks_what_the_assistant_said(tiny: Path) -> None:
    transformers = pytest.importorskip("transformers")
    words = transformers.AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    made = words.apply_chat_template(SAID, return_dict=True, return_assistant_tokens_mask=True)
    said = [t for t, mine in zip(made["input_ids"], made["assistant_masks"], strict=True) if mine]
    assert words.decode(said) == "5.<|im_end|>"
    assert words.decode(made["input_ids"]).startswith("<|im_start|>user\nWhat is") and words.model_max_length == CONTEXT
