"""A recipe tried on a sample: the process that `tamis plan` starts for each. No command of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tamis.cli.lean import lean
from tamis.cli.memory import give_back, one_pool
from tamis.errors import TamisError


def main(path: str) -> int:
    """Carry out what the file at `path` says, as `tamis run` would."""
    spec = json.loads(Path(path).read_bytes())
    one_pool()
    give_back()
    if not spec["own_code"]:
        lean()
    from tamis.recipes.planning.trial import carry_out

    try:
        carry_out(spec)
    except TamisError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return wrong.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
