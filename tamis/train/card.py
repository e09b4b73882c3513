"""README.md of an adapter: what it is, what it learnt from, how it was held to account."""

from __future__ import annotations

from typing import Any


def card(title: str, facts: dict[str, Any]) -> bytes:
    """Markdown, of train.json. No time, host or path is in it."""
    data, base, lengths, how = facts["data"], facts["base"], facts["lengths"], facts["settings"]
    held, training = facts["validation"], facts["training"]
    method = "supervised (SFT)" if facts["method"] == "sft" else f"by preference pairs (DPO, beta {how['beta']:g})"
    scaled = f"rank {how['rank']}, alpha {how['alpha']}{', rsLoRA' * how['rslora']}{', DoRA' * how['dora']}"
    lines = [
        "---",
        "library_name: peft",
        f"tags: [lora, tamis, {facts['method']}]",
        "---",
        f"# {title}",
        "",
        f"A LoRA adapter for one model alone: {base['architecture']}, weights `{base['weights']}`.",
        "`tamis train merge` and `peft` put it in front of that model; on any other its numbers mean nothing.",
        "",
        "## What it learnt from",
        "",
        f"Snapshot `{data['ref']}`, split `{data['split']}`: `{data['snapshot']}`.",
        "",
        "| | rows |",
        "|---|---:|",
        f"| in the split, less {held['rows']:,} held out and {data['excluded']:,} excluded | {lengths['rows']:,} |",
        *(f"| {name} | {lengths[name]:,} |" for name in ("kept", "split", "truncated", "dropped", "untaught")),
        "",
        f"{lengths['tokens']:,} tokens, of which {lengths['learnt']:,} count in the loss. Rows that are not in it as they are: "
        "`left_out.parquet`.",
        "",
        _evals(facts["evals"]),
        "",
        "## How",
        "",
        f"Trained {method}: {scaled}, {how['dropout']:g} dropout, on {', '.join(how['targets'])}; {training['steps']:,} steps of "
        f"{how['batch_size'] * how['accumulate']} rows at {how['learning_rate']:g} ({how['schedule']}), {training['precision']} "
        f"on {training['device']}, seed {how['seed']}, {how['threads']} thread{'s' * (how['threads'] > 1)}. "
        f"{training['trained']:,} of {training['parameters']:,} parameters were trained. The regime is {facts['regime']}.",
        "",
        _losses(held, training),
        "",
        "![loss](loss.svg)",
        "",
        "## What is not known",
        "",
        "The loss on held-out rows of the same snapshot says that it learnt them, not that it is good. `tamis eval run` says "
        "more. What the rows permit: `tamis licenses`.",
        "",
    ]
    return "\n".join(lines).encode()


def _evals(evals: list[dict[str, Any]]) -> str:
    if not evals:
        return "Nobody looked whether evaluation items stand in these rows (`--eval`)."
    named = ", ".join(f"{one['name']} (`{one['digest'][:19]}…`)" for one in evals)
    return f"No row holds an item of {named}, by `decontam@1`."


def _losses(held: dict[str, Any], training: dict[str, Any]) -> str:
    if training["before"] is None:
        return "No row was held out."
    return (
        f"Loss on {held['rows']:,} held-out rows ({held['from']}): {training['before']:.4f} before, "
        f"{training['after']:.4f} after; the weights are those of step {training['best']:,}."
    )
