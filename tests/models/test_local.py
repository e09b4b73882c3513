"""A model on this machine: a random one of two layers, made on the spot. What it says is noise; how it is asked is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from questions import question

from tamis.errors import InputError
from tamis.models import Failed, Missed, Reply, ask_all, open_model

WORDS = [f"w{k}" for k in range(60)]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llama of 60 words, 16 wide."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("noise") / "noise"
    known = {w: k for k, w in enumerate(["<s>", "</s>", "<unk>", *WORDS])}
    plain = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = "<s>{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(known), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    config.bos_token_id, config.eos_token_id, config.max_position_embeddings = 0, 1, 128
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def said(spec: str, folder: Path, *asked: Any, **more: Any) -> list[Reply | Failed]:
    """What the model answers."""
    with open_model(spec, responses=folder / "r.sqlite", **more) as model:
        return list(ask_all(model, asked, 4))


def test_a_seed_makes_the_text_and_a_sample_another(noise: Path, tmp_path: Path) -> None:
    drawn = {"temperature": 1.0, "max_tokens": 12}
    asked = [
        question("w1 w2", seed=1, **drawn),
        question("w1 w2", seed=1, sample=1, **drawn),
        question("w1 w2", **drawn),
    ]
    first, again = said(f"hf:{noise}", tmp_path / "a", *asked), said(f"hf:{noise}", tmp_path / "b", *asked)
    assert [one.text for one in first if isinstance(one, Reply)] == [r.text for r in again if isinstance(r, Reply)]
    assert len({r.text for r in first if isinstance(r, Reply)}) == 3


def test_what_it_says_is_kept_and_free(noise: Path, tmp_path: Path) -> None:
    (bought,) = said(f"hf:{noise}", tmp_path, question("w1", max_tokens=5, temperature=0))
    (again,) = said(f"hf:{noise}", tmp_path, question("w1", max_tokens=5, temperature=0), replay=True)
    assert isinstance(again, Reply) and again._replace(cached=False) == bought
    assert again.cost == 0 and again.usage.tokens_out == 5 and again.finish == "length"
    with pytest.raises(Missed):
        said(f"hf:{noise}", tmp_path, question("w2"), replay=True)


def test_a_prompt_that_does_not_fit_fails(noise: Path, tmp_path: Path) -> None:
    (ended,) = said(f"hf:{noise}", tmp_path, question("w1 " * 200, max_tokens=5))
    assert isinstance(ended, Failed) and ended.reason == "context"
    (again,) = said(f"hf:{noise}", tmp_path, question("w1 " * 200, max_tokens=5), replay=True)
    assert isinstance(again, Failed) and vars(again) == vars(ended)


def test_a_parameter_it_does_not_know_fails(noise: Path, tmp_path: Path) -> None:
    (ended,) = said(f"hf:{noise}", tmp_path, question("w1", logit_bias={}))
    assert isinstance(ended, Failed) and ended.reason == "bad_request" and "knows no logit_bias" in str(ended)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_is_another_model(noise: Path, tmp_path: Path) -> None:
    peft, transformers = pytest.importorskip("peft"), pytest.importorskip("transformers")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    base = transformers.AutoModelForCausalLM.from_pretrained(noise)
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "lora")
    asked = question("w1 w2", max_tokens=20, temperature=0)
    (plain,), (tuned,) = (said(spec, tmp_path, asked) for spec in (f"hf:{noise}", f"hf:{noise}+{tmp_path / 'lora'}"))
    assert isinstance(plain, Reply) and isinstance(tuned, Reply)
    assert plain.key != tuned.key and tuned.model == "noise+lora"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model at"):
        said(f"hf:{tmp_path / 'none'}", tmp_path, question())
