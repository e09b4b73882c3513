"""Ctrl-C while a model is asked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from growing import TEXTS, answer
from making import digests, write_lines
from serving import Served

METHOD = ("--set", "structured=schema", "--set", "min_score=1", "--set", "passes=1", "--gate", "none")


def test_what_is_under_way_at_an_interrupt_is_kept_and_a_resume_buys_the_rest(
    tmp_path: Path, tamis: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(Path("docs.jsonl"), TEXTS)
    with Served(answer, delay=0.3) as server:
        words = ["synth", "backtranslate", "docs.jsonl", "-o", "run", "--model", "m", "--base-url", server.url]
        words += [*METHOD, "--concurrency", "3", "--quiet"]
        process = subprocess.Popen([sys.executable, "-m", "tamis", *words], stderr=subprocess.PIPE, text=True)
        while len(server.asked) < 8:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
        assert process.returncode == 130 and "answers are under way" in said and "--resume" in said
        assert tamis(*words, "--resume", "--concurrency", "12") == (0, "")
        assert len(server.asked) == 24 == len({json.dumps(body, sort_keys=True) for body in server.asked})
        whole = [w if w != "run" else "whole" for w in words]
        assert tamis(*whole, "--responses", "other.sqlite", "--concurrency", "12") == (0, "")
    assert digests(Path("run")) == digests(Path("whole"))
