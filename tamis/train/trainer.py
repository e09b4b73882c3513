"""All calls of TRL, and what it would do that we do not want.

It drops rows without a word (`_prepare_dataset`), trains in bfloat16 wherever it runs, sends what it does to somebody
(`_send_telemetry`), writes cards of its own and leaves checkpoints half written. tests/train/test_trl.py holds the names
that are used here against the version that is installed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.errors import RunError, UsageError
from tamis.extras import extra
from tamis.models.weights import load_model, quiet
from tamis.train.checkpoints import sealed
from tamis.train.device import chosen, device_here, peak_bytes, processor, settle
from tamis.train.mishaps import in_words
from tamis.train.settings import Settings
from tamis.train.unpadded import fits, unpad
from tamis.train.watch import OnHeldOut, OnStep, curve, watch


@dataclass
class Fitted:
    """What training gave.

    adapter   folder that holds adapter_model.safetensors and adapter_config.json
    curve     one entry a step: step, loss, gradient (norm), learning_rate; and one an evaluation: step, held_out
    before, after   loss of the held-out rows, where there are any
    best      the step whose weights these are
    processor  the instructions that torch uses: other ones add in another order
    seconds, cpu_seconds (of all threads), peak_bytes   differ from run to run
    """

    adapter: Path
    curve: list[dict[str, float]]
    steps: int
    best: int
    before: float | None = None
    after: float | None = None
    precision: str = "float32"
    device: str = "cpu"
    processor: str = ""
    parameters: int = 0
    trained: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


def fit(
    base: Path,
    tokenizer: Any,
    train: pa.Table,
    held_out: pa.Table,
    settings: Settings,
    work: Path,
    resume: Path | None = None,
    on_step: OnStep | None = None,
    on_held_out: OnHeldOut | None = None,
) -> Fitted:
    """Train an adapter on the rows `train`; `settings` has nothing left open (`regime.settled`).

    held_out  rows to evaluate on, none of them in `train`; may be empty
    work      folder for checkpoints and the adapter
    resume    checkpoint to go on from

    Raises RunError where the loss is no number, or memory does not suffice.
    """
    with extra("train"):
        import trl  # noqa: F401
    device = device_here()
    precision = chosen(settings.precision, device)
    with _calmly(), in_words(settings):
        trainer = _trainer(base, tokenizer, train, held_out, settings, precision, device, work)
        trainer.add_callback(watch(settings, on_step, on_held_out))
        started, worked = time.monotonic(), time.process_time()
        # Done again where a run goes on: nothing is learnt yet, and both runs shall say the same.
        before = _evaluated(trainer, held_out)
        try:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        except ValueError as wrong:
            if resume is None:
                raise
            raise RunError(f"{resume} cannot be gone on from: {wrong}; start anew without --resume") from wrong
        state = trainer.state
        best = state.best_global_step if trainer.args.load_best_model_at_end else None
        after = _evaluated(trainer, held_out)
        folder = work / "adapter"
        trainer.model.save_pretrained(str(folder))
    start = [] if before is None else [{"step": 0, "held_out": before}]
    return Fitted(
        adapter=folder,
        curve=[*start, *curve(state.log_history)],
        steps=int(state.global_step),
        best=int(best or state.global_step),
        before=before,
        after=after,
        precision=precision,
        device=device,
        processor=processor(),
        parameters=sum(p.numel() for p in trainer.model.parameters()),
        trained=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - worked,
        peak_bytes=peak_bytes(device),
    )


def rehearse(
    base: Path, tokenizer: Any, rows: pa.Table, settings: Settings, work: Path
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds by the clock and of all threads, of a step on all of `rows` (the least but the first) and of evaluating them."""
    with extra("train"):
        import trl  # noqa: F401
    device = device_here()
    marks: list[tuple[float, float]] = []

    def mark(*_: Any) -> None:
        marks.append((time.monotonic(), time.process_time()))

    with _calmly(), in_words(settings):
        trainer = _trainer(base, tokenizer, rows, rows, settings, chosen(settings.precision, device), device, work)
        trainer.add_callback(watch(settings, mark, None))
        trainer.train()
        steps = list(pairwise(marks))
        mark()
        _evaluated(trainer, rows)
        mark()
    wall, cpu = (min(after[k] - before[k] for before, after in steps) for k in (0, 1))
    (before, idle), (after, busy) = marks[-2:]
    return (wall, cpu), (after - before, busy - idle)


def lora(settings: Settings) -> Any:
    """What peft is told."""
    with extra("train"):
        from peft import LoraConfig
    named = settings.targets
    return LoraConfig(
        r=settings.rank or 8,
        lora_alpha=settings.alpha or 16,
        lora_dropout=settings.dropout or 0.0,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        target_modules=named[0] if named == ("all-linear",) else list(named),
        task_type="CAUSAL_LM",
    )


def _loading(settings: Settings, precision: str, device: str) -> dict[str, Any]:
    import torch

    if not settings.quantize:
        # Weights that are trained stay float32; the base is read in what is computed in, but on a processor.
        return {"dtype": torch.float32 if device == "cpu" else getattr(torch, precision)}
    if device != "cuda":
        raise RunError("4-bit weights (--quantize) want CUDA, and there is none here; leave it out")
    with extra("train-quantize"):
        import bitsandbytes  # noqa: F401
        import transformers
    kind: Any = transformers.BitsAndBytesConfig
    own = kind(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, precision),
    )
    return {"quantization_config": own, "dtype": getattr(torch, precision)}


def arguments(settings: Settings, precision: str, device: str, work: Path, evaluates: bool) -> dict[str, Any]:
    """What both trainers of TRL are told."""
    best = evaluates and bool(settings.checkpoint_every) and settings.checkpoint_every == settings.eval_every
    steps = settings.max_steps or 1
    return {
        "output_dir": str(work),
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulate,
        "max_steps": steps,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if settings.schedule == "constant" else settings.schedule,
        "warmup_steps": int(settings.warmup * steps),
        "weight_decay": settings.weight_decay,
        "logging_steps": 1,
        # The filter would put the mean of the steps before in place of what is no number.
        "logging_nan_inf_filter": False,
        "eval_strategy": "steps" if evaluates and settings.eval_every else "no",
        "eval_steps": settings.eval_every or None,
        "save_strategy": "steps" if settings.checkpoint_every else "no",
        "save_steps": settings.checkpoint_every or steps,
        "save_total_limit": 2,
        "load_best_model_at_end": best,
        "metric_for_best_model": "eval_loss" if best else None,
        "greater_is_better": False if best else None,
        "report_to": list(settings.trackers) or "none",
        "use_cpu": device == "cpu",
        "bf16": precision == "bfloat16",
        "fp16": precision == "float16",
        "gradient_checkpointing": settings.checkpointing,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "optim": "adamw_torch",
        "disable_tqdm": True,
        # Rows were cut before, and counted.
        "max_length": None,
    }


def _trainer(
    base: Path,
    tokenizer: Any,
    train: pa.Table,
    held_out: pa.Table,
    settings: Settings,
    precision: str,
    device: str,
    work: Path,
) -> Any:
    """A trainer with its model, seeded."""
    with extra("train"):
        import transformers
        from datasets import Dataset
        from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    class Ours:
        """What is taken out of both."""

        def _send_telemetry(self) -> None: ...

        def create_model_card(self, *_: Any, **__: Any) -> None: ...

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            sealed(work / f"checkpoint-{self.state.global_step}")  # type: ignore[attr-defined]

    class Sft(Ours, SFTTrainer):  # type: ignore[misc]
        """Supervised."""

    class Dpo(Ours, DPOTrainer):  # type: ignore[misc]
        """By pairs."""

    quiet()
    settle(settings)
    transformers.set_seed(settings.seed)
    model = load_model(base, **_loading(settings, precision, device))
    _demand_targets(model, settings.targets)
    evaluates = held_out.num_rows > 0
    told = arguments(settings, precision, device, work, evaluates)
    kind: Any = Dpo if settings.method == "dpo" else Sft
    args: Any = DPOConfig(**told, beta=settings.beta) if kind is Dpo else SFTConfig(**told, packing=False)
    trainer = kind(
        model=model,
        args=args,
        train_dataset=Dataset(train.drop_columns("record_id")),
        eval_dataset=Dataset(held_out.drop_columns("record_id")) if evaluates else None,
        processing_class=tokenizer,
        peft_config=lora(settings),
    )
    trainer.remove_callback(transformers.PrinterCallback)
    plain = trainer.model.get_base_model()
    if device == "cpu" and precision == "float32" and fits(plain, settings.max_length or 0):
        unpad(plain, pairs=kind is Dpo)
    if args.load_best_model_at_end and settings.patience:
        trainer.add_callback(transformers.EarlyStoppingCallback(early_stopping_patience=settings.patience))
    return trainer


def _demand_targets(model: Any, targets: Sequence[str]) -> None:
    """Raises UsageError where a module is named that the model has not."""
    names = {name.rpartition(".")[2] for name, module in model.named_modules() if "Linear" in type(module).__name__}
    for target in targets:
        if target != "all-linear" and target.rpartition(".")[2] not in names:
            raise UsageError(f"no module is called {target} in this model; --target can be {', '.join(sorted(names))}")


def _evaluated(trainer: Any, held_out: pa.Table) -> float | None:
    return float(trainer.evaluate()["eval_loss"]) if held_out.num_rows else None


@contextmanager
def _calmly() -> Iterator[None]:
    """The libraries warn of each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
