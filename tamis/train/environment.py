"""What must stand in the environment before torch is imported: threads, nothing sent anywhere, nothing fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping

SILENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

STEADY = {
    "PYTHONHASHSEED": "0",
    # Without a workspace of its own, cuBLAS may add in another order each time.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

LOCAL = {
    "WANDB_MODE": "offline",
    "MLFLOW_TRACKING_URI": "file:./mlruns",
    # MLflow 3 refuses a folder unless it is told twice.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "TENSORBOARD_LOGGING_DIR": "tensorboard",
}
"""Where trackers write unless the environment says otherwise."""


def environment(threads: int, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`given` as a process that trains with so many threads wants it."""
    counts = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}
    return {**LOCAL, **given, **counts, **SILENT, **STEADY}
