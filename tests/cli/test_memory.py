"""From which pool Arrow allocates in a process of the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOOK = """
import sys
import tamis.cli
assert "pyarrow" not in sys.modules
from tamis.cli.memory import give_back, one_pool
one_pool()
import pyarrow as pa
from pyarrow import default_memory_pool
before = default_memory_pool().backend_name
give_back()
print(before, default_memory_pool().backend_name)
"""


def pools(**names: str) -> str:
    """Arrow's pool before and after `give_back`, in an environment with `names`."""
    bare = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    told = subprocess.run([sys.executable, "-c", LOOK], env=bare | names, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    return told.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="jemalloc comes with Arrow on Linux")
def test_arrow_itself_allocates_from_the_pool_that_gives_back() -> None:
    assert pools() == "jemalloc jemalloc"


def test_a_pool_the_user_has_named_stays() -> None:
    assert pools(ARROW_DEFAULT_MEMORY_POOL="system") == "system system"
