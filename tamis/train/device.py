"""What it computes on: which device, in which precision, by how many threads, and how fast that is."""

from __future__ import annotations

import time
from pathlib import Path

from tamis.extras import extra
from tamis.train.settings import Settings


def device_here() -> str:
    """cuda where there is one, else cpu."""
    with extra("train"):
        import torch
    return "cuda" if torch.cuda.is_available() else "cpu"


def speed(device: str, precision: str, threads: int, size: int = 768) -> float:
    """Operations a second of a product of two matrices of `size` x `size`: the best of four."""
    with extra("train"):
        import torch
    torch.set_num_threads(threads)
    size = size if device == "cpu" else 8 * size
    own = torch.ones((size, size), dtype=getattr(torch, precision), device=device)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        float((own @ own)[0, 0])
        best = min(best, time.perf_counter() - started)
    return 2.0 * size**3 / best


def chosen(precision: str, device: str) -> str:
    """The precision to compute in: what was asked for, else what the device turns out to do well.

    On a processor float32: bfloat16 is 1.4 times as fast where there are instructions for it, and gives other bits where
    there are not.
    """
    if precision != "auto":
        return precision
    if device == "cpu":
        return "float32"
    with extra("train"):
        import torch
    for name in ("bfloat16", "float16"):
        own = torch.full((64, 64), 3.0, dtype=getattr(torch, name), device=device)
        try:
            if (name != "bfloat16" or torch.cuda.is_bf16_supported()) and bool(torch.isfinite(own @ own).all()):
                return name
        except RuntimeError:
            continue
    return "float32"


def settle(settings: Settings) -> None:
    """Have torch compute by the threads asked for, and the same way each time."""
    import torch

    torch.set_num_threads(settings.threads)
    # On CUDA some kernels have no deterministic form: said, not forbidden.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def peak_bytes(device: str) -> int:
    """Bytes of memory at the highest: of the GPU, else of this process."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    import resource

    # What getrusage tells begins, on Linux, with the size of the process that started this one.
    return _told("/proc/self/status", "VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def free_bytes(device: str) -> int:
    """Bytes of memory that can be had right now: of the GPU, else of this machine; a great many where nobody says."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return _told("/proc/meminfo", "MemAvailable:") or 1 << 60


def _told(file: str, name: str) -> int | None:
    """Bytes that Linux tells under `name`; None where it tells none."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((int(own.split()[1]) * 1024 for own in lines if own.startswith(name)), None)


def processor() -> str:
    """The instructions that torch uses: other ones add in another order."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability())
