"""What `tamis train` costs beside plain TRL: SmolLM2-135M, the same rows, lengths, batches, LoRA and order, one thread, in turns.

    python benchmarks/train_peer.py                     two rounds; ten minutes
    python benchmarks/train_peer.py --rounds 1 --only sft

Plain is what TRL's own pages show: a data set of messages, a LoraConfig, a trainer, `train()`, `save_model()`. Both are whole
processes, measured from outside. Ours also verifies the snapshot, counts lengths, takes digests of the base, and writes card, curve
and manifest. SFT learns GSM8K's training rows, DPO HH-RLHF's pairs; each row is seen once, none is cut, none held out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure
from measure import Spent, alternate, medians, run, save, table

sys.path.append(str(Path(__file__).parents[1] / "tests"))

DATA = Path(__file__).parents[2] / "shared/data"
FILES = {"sft": DATA / "sft/gsm8k_train.jsonl.gz", "dpo": DATA / "preference/hh_rlhf_harmless_test_a.jsonl.gz"}

STEPS = {"sft": 10, "dpo": 8}
BATCH = {"sft": 4, "dpo": 2}
LONGEST = 900
"""Characters of a row, so that none is longer than LENGTH tokens."""
LENGTH = 512
LORA: dict[str, Any] = {"rank": 16, "alpha": 32, "dropout": 0.0}
RATE = {"sft": 2e-4, "dpo": 2e-5}
SEED = 3

measure.INTERVAL = 0.5  # a look at a process of 3 GB takes milliseconds, and its peak lasts as long as a step

SAME = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
SAME |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def rows(method: str) -> list[dict[str, Any]]:
    """As many as are learnt, from the front of the file."""
    made: list[dict[str, Any]] = []
    with gzip.open(FILES[method], "rt", encoding="utf-8") as lines:
        for line in lines:
            if len(line) <= LONGEST and len(made) < STEPS[method] * BATCH[method]:
                made.append(_row(json.loads(line)))
    return made


def _row(own: dict[str, Any]) -> dict[str, Any]:
    row = {"id": own["id"], "license": "MIT"}
    if "output" in own:
        asked = {"role": "user", "content": own["instruction"]}
        return row | {"messages": [asked, {"role": "assistant", "content": own["output"]}]}
    return row | {"prompt": own["prompt"]} | {k: _said(own[k]) for k in ("chosen", "rejected")}


def _said(answer: Any) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer


def plain(folder: Path, method: str, output: Path) -> None:
    """TRL alone; prints the loss of each step."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    torch.set_num_threads(1)
    set_seed(SEED)
    words: Any = AutoTokenizer.from_pretrained(folder / "smol")
    words.chat_template = (Path(__file__).parents[1] / "tamis/train/chatml.jinja").read_text("utf-8")
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "smol", dtype=torch.float32)
    given = [{k: v for k, v in row.items() if k not in ("id", "license")} for row in rows(method)]
    told: dict[str, Any] = {
        "output_dir": str(output), "max_steps": STEPS[method], "per_device_train_batch_size": BATCH[method],
        "learning_rate": RATE[method], "lr_scheduler_type": "linear", "warmup_steps": STEPS[method] // 10,
        "max_length": LENGTH, "logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "bf16": False,
        "gradient_checkpointing": False, "dataloader_pin_memory": False, "seed": SEED, "data_seed": SEED, "disable_tqdm": True,
    }  # fmt: skip
    kind, args = (
        (SFTTrainer, SFTConfig(**told, assistant_only_loss=True))
        if method == "sft"
        else (DPOTrainer, DPOConfig(**told, beta=0.1))
    )
    how = LoraConfig(
        r=LORA["rank"],
        lora_alpha=LORA["alpha"],
        lora_dropout=LORA["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    data = Dataset.from_list(given)
    trainer: Any = kind(model=model, args=args, train_dataset=data, processing_class=words, peft_config=how)
    trainer.train()
    trainer.save_model(str(output))
    print(json.dumps([log["loss"] for log in trainer.state.log_history if "loss" in log]))


def pair(folder: Path, method: Any, rounds: int) -> dict[str, Any]:
    """Both in turns: medians, tokens a second, and how far apart the losses are."""
    from storing import frozen

    snapshot = frozen(folder, method, rows(method))
    tamis = str(Path(sys.executable).with_name("tamis"))
    made: list[Path] = []
    said: list[list[float]] = []

    def ours() -> Spent:
        made.append(folder / f"{method}-{len(made)}")
        asked = ["train", method, snapshot.path, "-o", made[-1], "--base", folder / "smol", "--template", "chatml"]
        asked += ["--no-register", "--quiet", "--validation", "none", "--checkpoint-every", 0, "--threads", 1]
        asked += ["--max-steps", STEPS[method], "--batch-size", BATCH[method], "--max-length", LENGTH, "--seed", SEED]
        asked += ["--rank", LORA["rank"], "--alpha", LORA["alpha"], "--dropout", LORA["dropout"]]
        return run([tamis, *asked, "--learning-rate", RATE[method], "--schedule", "linear"], SAME)

    def theirs() -> Spent:
        output = folder / f"plain-{method}-{len(said)}"
        spent = run([sys.executable, __file__, "--plain", method, "--folder", folder, "--output", output], SAME)
        said.append(json.loads(spent.output.splitlines()[-1]))
        return spent

    found = alternate({"trl": theirs, "tamis": ours}, rounds)
    facts = json.loads((made[0] / "train.json").read_bytes())
    losses = [entry["loss"] for entry in facts["curve"]]
    assert len(losses) == len(said[0]) == STEPS[method]
    middle: dict[str, Any] = {who: medians(spent) for who, spent in found.items()}
    for own in middle.values():
        own["tokens_per_cpu_second"] = round(facts["lengths"]["tokens"] / own["cpu"], 1)
    return {
        **{k: facts["lengths"][k] for k in ("rows", "tokens", "learnt", "median", "longest")},
        "steps": STEPS[method],
        "batch": BATCH[method],
        **middle,
        **{f"{k}_ratio": round(middle["tamis"][k] / middle["trl"][k], 3) for k in ("cpu", "wall", "pss", "rss")},
        "cpu_ratios": [round(a.cpu / b.cpu, 3) for a, b in zip(found["tamis"], found["trl"], strict=True)],
        "losses": {"trl": said[0], "tamis": losses},
        "losses_apart": max(abs(a - b) for a, b in zip(losses, said[0], strict=True)),
    }


def main() -> None:
    """Write results/train_peer.json, or be the plain process."""
    given = argparse.ArgumentParser()
    given.add_argument("--rounds", type=int, default=2)
    given.add_argument("--only", choices=FILES)
    given.add_argument("--plain")
    given.add_argument("--folder", type=Path)
    given.add_argument("--output", type=Path)
    asked = given.parse_args()
    if asked.plain:
        plain(asked.folder, asked.plain, asked.output)
        return
    from smol import write_smol

    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        folder = Path(scratch)
        write_smol(folder / "smol")
        found = {name: pair(folder, name, asked.rounds) for name in FILES if asked.only in (None, name)}
    if asked.only is None:
        save(__file__, found)
    head = ("", "CPU s", "ratio", "tokens a CPU s", "peak MB (PSS)", "ratio", "losses apart, at most")
    cells = [
        [f"{name}, {who}", f"{own[who]['cpu']:.1f}", f"{own['cpu_ratio']:.2f}" if who == "tamis" else "1",
         f"{own[who]['tokens_per_cpu_second']:.0f}", f"{own[who]['pss'] / 1e6:,.0f}",
         f"{own['pss_ratio']:.2f}" if who == "tamis" else "1", f"{own['losses_apart']:.2g}" if who == "tamis" else ""]
        for name, own in found.items() for who in ("trl", "tamis")
    ]  # fmt: skip
    print(table(head, cells))


if __name__ == "__main__":
    main()
