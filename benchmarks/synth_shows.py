"""What `tamis synth` promises, shown: kills, the gate, the budget, replay.

    python benchmarks/synth_shows.py [--kills 10]

All against a server on a real socket that counts what it is asked. A request that was under way when the run was killed may be
sent again; one whose answer was in the cache must not be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import save

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from growing import answer  # noqa: E402
from making import digests, write_lines  # noqa: E402
from serving import Served  # noqa: E402

TEXTS = [{"id": f"t{k}", "text": f"Sieve number {k} keeps what is coarse. It has {k + 3} parts."} for k in range(60)]
CHATS = [{"id": f"c{k}", "prompt": f"What is sieve number {k} for?", "completion": f"For part {k}."} for k in range(12)]
IN_SEED = (
    "How many apples does Mary have after she bought fourteen green ones from the old market in the north of town?"
)
IN_ANSWER = (
    "Which of the three brothers counted the eleven copper kettles that stood behind the mill on the second day?"
)


def main() -> None:
    """Show each, and keep what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    args = parser.parse_args()
    facts: dict[str, Any] = {}
    for show in (lambda: kills(args.kills), gate, budget):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            facts |= show()
            os.chdir(ROOT)
    print(json.dumps(facts, indent=1))
    save(str(ROOT / "benchmarks/synth_shows.py"), facts)


def synth(url: str, run: str, *more: str, method: str = "backtranslate") -> list[str]:
    """The command."""
    words = ["synth", method, "seeds.jsonl", "-o", run, "--model", "m", "--base-url", url, "--quiet"]
    own = ["--set", "min_score=3"] if method == "backtranslate" else ["--set", "generations=1"]
    return [sys.executable, "-m", "tamis", *words, "--set", "structured=schema", *own, *more]


def spelled(body: dict[str, Any]) -> bytes:
    """A body as the cache has it."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def kills(times: int) -> dict[str, Any]:
    """One run, killed (SIGKILL) again and again at random moments and resumed each time, beside one that was not."""
    write_lines(Path("seeds.jsonl"), TEXTS)
    rnd, again, flight, dead = random.Random(7), 0, 0, 0
    with Served(answer, delay=0.05) as server:
        words = synth(server.url, "killed", "--concurrency", "4", "--resume")
        while dead < times:
            have, before = cached(), len(server.asked)
            process = subprocess.Popen(words)
            wanted = before + rnd.randrange(1, 16)
            while len(server.asked) < wanted and process.poll() is None:
                time.sleep(0.005)
            time.sleep(rnd.uniform(0, 0.2))
            ended = process.poll() is not None
            process.kill()
            process.wait()
            again += sum(spelled(body) in have for body in server.asked[before:])
            dead += not ended
            if ended:
                break
        have, before = cached(), len(server.asked)
        subprocess.run(words, check=True)
        again += sum(spelled(body) in have for body in server.asked[before:])
        different = {spelled(body) for body in server.asked}
        flight = len(server.asked) - len(different)
        subprocess.run(synth(server.url, "whole", "--responses", "other.sqlite", "--concurrency", "9"), check=True)
    told = {"kills": dead, "different requests": len(different), "sent again though answered": again}
    return {
        "kills": {
            **told,
            "sent again, were under way": flight,
            "same bytes": digests(Path("killed")) == digests(Path("whole")),
        }
    }


def cached() -> set[bytes]:
    """Requests whose answers are there."""
    if not Path("responses.sqlite").exists():
        return set()
    with sqlite3.connect("responses.sqlite") as base:
        return {bytes(row[0]) for row in base.execute("SELECT request FROM responses")}


def gate() -> dict[str, Any]:
    """A benchmark question among the seeds, and one in what the model says: bought once, caught again by replay alone."""
    write_lines(Path("eval.jsonl"), [{"question": q, "answer": "14"} for q in (IN_SEED, IN_ANSWER)])
    write_lines(Path("seeds.jsonl"), [*CHATS, {"id": "planted", "prompt": IN_SEED, "completion": "Fourteen."}])

    def remembers(body: dict[str, Any]) -> str:
        said = answer(body)
        return IN_ANSWER if said.startswith("Said of") and "number 5" in str(body["messages"][-1]) else said

    with Served(remembers) as server:
        words = synth(server.url, "run", "--against", "eval.jsonl", method="evolve")
        subprocess.run(words, check=True)
        sent = sum(IN_SEED in str(body) for body in server.asked)
    subprocess.run([*synth(server.url, "again", "--against", "eval.jsonl", "--replay", method="evolve")], check=True)
    steps = json.loads(Path("again/run.json").read_text())["steps"]
    caught = {f"{s['step']} {s['stage']}": s["rows"]["dropped"] for s in steps if s["stage"] == "decontam@1"}
    kept = b"".join(p.read_bytes() for p in Path("again/data").glob("*"))
    there = sum(text.encode() in kept for text in (IN_SEED, IN_ANSWER))
    return {"gate": {"planted seed asked about": sent, "caught, by replay": caught, "left in data": there}}


def budget() -> dict[str, Any]:
    """A budget too small, then enough; then replay with the server gone, and with a changed prompt."""
    write_lines(Path("seeds.jsonl"), TEXTS)
    with Served(answer) as server:
        words = synth(server.url, "run", "--price", "100,100", "--max-tokens", "40")
        stopped = subprocess.run([*words, "--budget", "1.50"], capture_output=True, text=True)
        with sqlite3.connect("responses.sqlite") as base:
            paid = sum(float(row[0]) for row in base.execute("SELECT cost FROM responses"))
        first = len(server.asked)
        subprocess.run([*words, "--resume"], check=True)
        second = len(server.asked) - first
    replay = synth(server.url, "again", "--price", "100,100", "--max-tokens", "40", "--replay")
    subprocess.run(replay, check=True)
    same = digests(Path("run")) == digests(Path("again"))
    Path("own.j2").write_text("{# own@1 #}\n{# user #}\nWhat question does this answer?\n{{ text }}\n")
    changed = synth(server.url, "other", "--price", "100,100", "--max-tokens", "40", "--replay", "--template", "own.j2")
    missed = subprocess.run(changed, capture_output=True, text=True)
    says = missed.stderr.strip().replace(os.getcwd(), "…")[:160]
    return {
        "budget": {
            "limit": 1.5,
            "spent": round(paid, 6),
            "exit": stopped.returncode,
            "says": stopped.stderr.strip()[-240:],
        },
        "resumed": {"sent before": first, "sent after": second},
        "replay": {"same bytes": same, "changed prompt, exit": missed.returncode, "says": says},
    }


if __name__ == "__main__":
    main()
