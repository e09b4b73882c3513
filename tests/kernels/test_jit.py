"""A kernel that is kept does what a compiled one does, errors and all, and is loaded without the compiler's own knowledge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OWN = """
import sys
import numpy as np
from tamis.kernels.jit import njit

@njit(nogil=True, cache=True)
def doubled(values):
    if len(values) > 3:
        raise ValueError("too many")
    found = [np.float64(0)]
    for value in np.sort(values):
        found.append(2 * value)
    return np.array(found), len(found)

print(*doubled(np.array([3.0, 1.0])), *doubled(np.array([2, 1])))
try:
    doubled(np.zeros(4))
except ValueError as error:
    print(error)
print("numba.typed.typedlist" in sys.modules, sum(doubled.stats.cache_hits.values()))
"""


@pytest.fixture
def kernel(tmp_path: Path) -> list[str]:
    """What runs a kernel of its own, kept in a folder of its own."""
    source = tmp_path / "own.py"
    source.write_text(OWN)
    return [sys.executable, str(source)]


def test_a_kept_kernel_does_what_a_compiled_one_does(tmp_path: Path, kernel: list[str]) -> None:
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    first, second = (subprocess.run(kernel, env=env, capture_output=True, text=True, check=True) for _ in range(2))
    answer = "[0. 2. 6.] 3 [0. 2. 4.] 3\ntoo many\n"
    assert first.stdout == answer + "True 0\n"
    assert second.stdout == answer + "False 2\n"


def test_a_damaged_kernel_is_compiled_again(tmp_path: Path, kernel: list[str]) -> None:
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    subprocess.run(kernel, env=env, capture_output=True, check=True)
    (index,) = (tmp_path / "kept").rglob("*.nbi")
    index.unlink()
    again = subprocess.run(kernel, env=env, capture_output=True, text=True, check=True)
    assert again.stdout.endswith("True 0\n")
