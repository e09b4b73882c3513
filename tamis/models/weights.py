"""A language model's folder, as save_pretrained writes it: what it is, and what it is once loaded.

config.json  *.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja  …
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tamis.errors import InputError, OutputError, RunError
from tamis.extras import extra

_WEIGHTS = ("config.json", "*.safetensors", "*.bin", "*.gguf")
_WORDS = ("tokenizer*", "*.model", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.jinja")

IDENTITY = {"weights": _WEIGHTS, "adapter": ("adapter_config.json", "*.safetensors", "*.bin")}
"""Files that say which model answers, and which adapter: cards, logs and pictures beside them do not."""


def folder_digest(folder: Path, only: tuple[str, ...] = ("**/*",)) -> str:
    """Hexadecimal sha256 of the names and bytes of the files in `folder` that a pattern of `only` means, in order of name."""
    found = {p for pattern in only for p in folder.glob(pattern) if p.is_file()}
    files = {}
    for path in sorted(found):
        with path.open("rb") as opened:
            files[path.relative_to(folder).as_posix()] = hashlib.file_digest(opened, "sha256").hexdigest()
    return digest_of(files)


def digest_of(files: Mapping[str, str]) -> str:
    """Hexadecimal sha256 of names and hexadecimal digests of files."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def identity(folder: Path) -> dict[str, Any]:
    """Which model it is: digests of what it computes with and of how it reads, whatever the folder is called."""
    config = read_config(folder)
    demand_safetensors(folder)
    return {
        "architecture": (config.get("architectures") or [config.get("model_type", "unknown")])[0],
        "weights": f"sha256:{folder_digest(folder, _WEIGHTS)}",
        "tokenizer": f"sha256:{folder_digest(folder, _WORDS)}",
    }


def demand_safetensors(folder: Path) -> None:
    """Raises InputError where weights lie in `folder` as a pickle alone: those can be a program, and are never read."""
    pickles = [p.name for pattern in ("*.bin", "*.pt", "*.pth") for p in sorted(folder.glob(pattern))]
    if pickles and not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder / pickles[0]} is a pickle, which can run any program when it is read; name a folder with "
            "*.safetensors, as save_pretrained writes it"
        )


def demand_model(folder: Path) -> None:
    """Raises InputError where there is no such folder, or no model in it: a model is read from a folder, and no hub is asked."""
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder}; name one with config.json and weights, as save_pretrained writes it. Only folders "
            "are looked at, and no hub was asked: `hf download ORG/NAME --local-dir FOLDER` brings a model from one"
        )
    if not (folder / "config.json").is_file():
        raise InputError(
            f"there is no model at {folder}: it has no config.json; name a folder as save_pretrained writes it"
        )


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises InputError where the folder is no model's."""
    demand_model(folder)
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise InputError(
            f"there is no model at {folder} ({wrong}); name a folder as save_pretrained writes it"
        ) from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no object; name a folder as save_pretrained writes it")
    return found


def load_tokenizer(folder: Path) -> Any:
    """Its tokenizer. Raises InputError."""
    demand_model(folder)
    with extra("transformers"):
        from transformers import AutoTokenizer
    quiet()
    try:
        # Where nothing is said of code that came with a model, whoever sits there would be asked.
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as wrong:
        raise InputError(f"{folder} has no tokenizer that can be loaded: {_short(wrong)}") from None


def load_model(folder: Path, **options: Any) -> Any:
    """The model itself, on the processor unless `options` of from_pretrained say else. Raises InputError."""
    with extra("transformers"):
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM
    demand_model(folder)
    demand_safetensors(folder)
    quiet()
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, **options
        )
    except (MemoryError, OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as wrong:
        if isinstance(wrong, MemoryError) or is_memory(str(wrong)):
            raise RunError(f"memory ran out while {folder} was loaded; free some, or take a smaller model") from None
        raise InputError(f"{folder} cannot be loaded as a language model: {_short(wrong)}") from None


def is_memory(said: str) -> bool:
    """Does a library mean by this that there is not memory enough?"""
    return any(words in said.lower() for words in ("out of memory", "can't allocate memory", "cannot allocate memory"))


def with_adapter(model: Any, adapter: Path) -> Any:
    """`model` with the adapter in the folder `adapter` in front. Raises InputError where it does not fit."""
    with extra("transformers"):
        from peft import PeftModel
        from safetensors import SafetensorError
    demand_safetensors(adapter)
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5 in a way that is to go.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return PeftModel.from_pretrained(model, str(adapter), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as wrong:
            raise InputError(f"{adapter} is no adapter of this model: {_short(wrong)}") from None


def _short(wrong: Exception) -> str:
    """What a library said, on one line."""
    said = " ".join(str(wrong).split())
    return said if len(said) <= 300 else f"{said[:299]}…"


def quiet() -> None:
    """No bars and no advice from the libraries: the command line alone prints."""
    with extra("transformers"):
        from transformers.utils import logging
    said: Any = logging
    said.disable_progress_bar()
    said.set_verbosity_error()


def adapted(
    base: Path, adapter: Path, output: Path, probes: Sequence[str], *, dtype: str = "float32", threads: int = 1
) -> dict[str, float]:
    """Write `base` with `adapter` merged into it to `output`; how far logits on `probes` are from each other, at most.

    adapter_from_base, merged_from_adapter, written_from_adapter, written_from_base
    """
    with extra("transformers"):
        import torch
        from safetensors import SafetensorError
    torch.set_num_threads(threads)
    tokens = [ids for text in probes if (ids := load_tokenizer(base)(text, add_special_tokens=False)["input_ids"])]

    def logits(model: Any) -> list[Any]:
        with torch.no_grad():
            return [model.eval()(torch.tensor([ids])).logits.double() for ids in tokens]

    def apart(some: list[Any], others: list[Any]) -> float:
        return max(float((a - b).abs().max()) for a, b in zip(some, others, strict=True))

    model = load_model(base, dtype=torch.float32)
    plain = logits(model)
    model = with_adapter(model, adapter)
    tuned = logits(model)
    model = model.merge_and_unload(safe_merge=True)
    merged = logits(model)
    model.config._name_or_path = ""
    try:
        model.to(getattr(torch, dtype)).save_pretrained(output)
    except (OSError, SafetensorError) as wrong:
        raise OutputError(f"{output} cannot be written: {_short(wrong)}; is the disk full?") from None
    written = logits(load_model(output, dtype=torch.float32))
    return {
        "adapter_from_base": apart(tuned, plain),
        "merged_from_adapter": apart(merged, tuned),
        "written_from_adapter": apart(written, tuned),
        "written_from_base": apart(written, plain),
    }
