"""An adapter put into its base for good, and proof that nothing else changed.

A merge that forgets the adapter gives the base again, and nobody notices. So logits are compared on the same tokens: of
the base, of base and adapter, of what was merged, and of what was written and loaded again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.writer import write_bytes
from tamis.errors import GateError, OutputError, UsageError
from tamis.models.adapter import CHAT_TEMPLATE, WEIGHTS, demand_match
from tamis.models.weights import adapted, identity, load_tokenizer
from tamis.runs.manifest import seal, sha256
from tamis.snapshot.jcs import canonical_json
from tamis.train.template import with_template

BOUND = 1e-3
"""How far logits of a merge may be from those of base and adapter, in float32 (measured: 4e-7 to 3e-5)."""

PROBES = ("The answer to the question is", "What is 2 plus 3? It is 5, because", "def main():\n    return 0\n")


def merge(adapter: Path, output: Path, base: Path, *, dtype: str = "float32", threads: int = 1) -> dict[str, Any]:
    """Write `base` with `adapter` in it to the new folder `output`; return merge.json, which holds what was compared.

    dtype  of the weights that are written; less than float32 is bounded by being nearer to the adapter than the base is

    Raises InputError where the adapter is another base's, GateError where the merge is not what it should be.
    """
    if output.exists():
        raise OutputError(f"{output} is there already; choose another place with -o")
    if dtype not in ("float32", "bfloat16", "float16"):
        raise UsageError(f"dtype is {dtype!r}; it can be float32, bfloat16 or float16")
    facts = demand_match(adapter, base)
    with _new(output) as folder:
        found = adapted(base, adapter, folder, PROBES, dtype=dtype, threads=threads)
        _demand(found, dtype)
        _words(base, adapter, folder)
        note = {
            "tamis_merge": 1,
            "base": identity(base),
            "adapter": {
                "weights": f"sha256:{sha256(adapter / WEIGHTS)}",
                "trained": facts and facts["data"]["snapshot"],
            },
            "dtype": dtype,
            "logits": found,
            "files": {p.name: f"sha256:{sha256(p)}" for p in sorted(folder.iterdir()) if p.is_file()},
        }
        write_bytes(folder / "merge.json", canonical_json(note))
        seal(folder, {})
    return note


def _demand(found: dict[str, float], dtype: str) -> None:
    moved, off = found["adapter_from_base"], found["written_from_adapter"]
    if not moved > 0:
        raise GateError(
            "the adapter changes nothing: base and adapter give equal logits; a merge would be the base again"
        )
    bound = BOUND if dtype == "float32" else moved
    if not (off <= bound and found["written_from_base"] > 0):
        raise GateError(
            f"the merge is not the model that was trained: logits are {off:.3g} off where {bound:.3g} may be, and "
            f"{found['written_from_base']:.3g} from the base; nothing was written"
            + (" — keep float32: --dtype float32" if dtype != "float32" else "")
        )


def _words(base: Path, adapter: Path, folder: Path) -> None:
    """Tokenizer and template beside the weights; the template is the one that was trained with."""
    own = adapter / CHAT_TEMPLATE
    with_template(load_tokenizer(base), str(own) if own.is_file() else None).save_pretrained(folder)


@contextmanager
def _new(output: Path) -> Iterator[Path]:
    """A folder that becomes `output` when the block ends well."""
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        yield folder
        with disk_errors(output):
            folder.chmod(0o755)
            os.replace(folder, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
