"""The names of TRL and peft that `tamis/train/trainer.py` uses are there, and mean what they meant."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from tamis.train.settings import Settings
from tamis.train.trainer import arguments, lora

trl = pytest.importorskip("trl", reason="the extra train is not installed")


@pytest.mark.parametrize("name", ["SFTConfig", "DPOConfig"])
def test_every_argument_we_give_is_one(name: str) -> None:
    known = {f.name for f in fields(getattr(trl, name))}
    given = arguments(Settings(max_steps=1, learning_rate=1e-4, schedule="linear"), "float32", "cpu", Path(), True)
    assert set(given) - known == set()


@pytest.mark.parametrize("name", ["SFTTrainer", "DPOTrainer"])
def test_what_we_replace_is_still_there_to_be_replaced(name: str) -> None:
    trainer = getattr(trl, name)
    for method in ("_send_telemetry", "create_model_card", "_prepare_dataset", "_save_checkpoint"):
        assert callable(getattr(trainer, method)), method
    wanted = {"model", "args", "train_dataset", "eval_dataset", "processing_class", "peft_config"}
    assert wanted <= set(inspect.signature(trainer).parameters)


def test_columns_of_ours_are_those_that_it_collates() -> None:
    from trl.trainer.dpo_trainer import DataCollatorForPreference
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    one = DataCollatorForLanguageModeling(pad_token_id=0)([{"input_ids": [1, 2], "labels": [-100, 2]}])
    assert one["labels"].tolist() == [[-100, 2]] and one["input_ids"].tolist() == [[1, 2]]
    two = DataCollatorForPreference(pad_token_id=0)([{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3, 4]}])
    assert two["input_ids"].tolist() == [[1, 2, 0], [1, 3, 4]] and two["completion_mask"].tolist() == [
        [0, 1, 0],
        [0, 1, 1],
    ]


def test_all_linear_modules_get_an_adapter_unless_some_are_named() -> None:
    assert lora(Settings(rank=4, alpha=8)).target_modules == "all-linear"
    assert lora(Settings(rank=4, targets=("q_proj",), rslora=True)).target_modules == {"q_proj"}
