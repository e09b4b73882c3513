"""A language model small enough to make on the spot: a Llama of two layers, 94 528 weights, byte-level words.

    python tests/tiny.py FOLDER        writes it; the same bytes every time, on every machine with the same libraries

What it says is noise. It is loaded, trained, merged and evaluated like any other, in fractions of a second.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CONTEXT = 256
"""Tokens."""

# A newline right after a tag vanishes, hence {{ '\n' }}. The markers say which tokens an assistant wrote.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}{{ '\\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|im_end|>{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}{% endif %}"
)

_WORDS = [
    "The capital of France is Paris.",
    "user assistant system question answer",
    "What is 2 plus 3? The answer is 5.",
] * 20


def write_tiny(folder: Path, *, seed: int = 0, template: str = TEMPLATE, context: int = CONTEXT) -> Path:
    """The model of `seed` and its tokenizer, as save_pretrained writes them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer(template, context)
    config: Any = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def tokenizer(template: str = TEMPLATE, context: int = CONTEXT) -> Any:
    """Every byte is a token, and so are some pairs of them: 320 or so."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain: Any = Tokenizer(models.BPE(unk_token=None))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learn = trainers.BpeTrainer(vocab_size=512, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    plain.train_from_iterator(_WORDS, learn)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    whole.chat_template = template
    return whole


if __name__ == "__main__":
    write_tiny(Path(sys.argv[1]))
