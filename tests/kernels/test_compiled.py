"""Whether kernels were compiled before is told from the folder where numba keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tamis.kernels import compiled


def test_a_folder_without_kernels_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not compiled()
    (tmp_path / "kernels_1f").mkdir()
    (tmp_path / "kernels_1f/radix.ordered-9.py311.nbi").touch()
    assert compiled()
