"""How large a model is, by its config.json alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tamis.errors import UsageError
from tamis.models.weights import read_config
from tamis.train.settings import Settings
from tamis.train.unpadded import KNOWN


@dataclass(frozen=True)
class Shape:
    """A decoder as Llama is: what its config.json says of its size.

    unpadded  on a processor its batches have no padding (`tamis.train.unpadded`)
    """

    hidden: int
    layers: int
    inner: int
    vocabulary: int
    heads: int
    kv_heads: int
    head: int
    tied: bool
    unpadded: bool = False

    @property
    def linears(self) -> list[tuple[int, int]]:
        """In and out of each linear module of a layer."""
        own, few = self.heads * self.head, self.kv_heads * self.head
        attention = [(self.hidden, own), (self.hidden, few), (self.hidden, few), (own, self.hidden)]
        return [*attention, (self.hidden, self.inner), (self.hidden, self.inner), (self.inner, self.hidden)]

    @property
    def parameters(self) -> int:
        """All of them."""
        layer = sum(a * b for a, b in self.linears) + 2 * self.hidden
        return self.layers * layer + self.vocabulary * self.hidden * (1 if self.tied else 2) + self.hidden

    def trained(self, rank: int) -> int:
        """Those of LoRA on all linear modules."""
        return self.layers * rank * sum(a + b for a, b in self.linears)

    def kept(self, settings: Settings, rank: int) -> int:
        """Numbers of a token that a layer keeps for the way back, as peft computes it (measured: 10,683 of SmolLM2, 10,672 here).

        What comes in and is normed, twice; queries, keys, values and what attention makes of them, twice; four of the inner
        size; what each module reads, and a mask of it, where some is dropped out; keys and values as wide as queries where a
        prompt is shared by two answers.
        """
        own, few = self.heads * self.head, self.kv_heads * self.head
        dropped = 8 * self.hidden + own + self.inner if settings.dropout else 0
        widened = 2 * own if settings.method == "dpo" or not self.unpadded else 0
        return 4 * self.hidden + 3 * own + 2 * few + 4 * self.inner + 7 * rank + dropped + widened


def shape_of(folder: Path) -> Shape:
    """The shape of the model in `folder`, which may hold no more than config.json. Raises InputError, UsageError."""
    config = read_config(folder)
    config = config.get("text_config") or config
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return Shape(
            hidden=hidden,
            layers=int(config["num_hidden_layers"]),
            inner=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or hidden // heads),
            tied=bool(config.get("tie_word_embeddings", False)),
            unpadded=any(name in KNOWN for name in config.get("architectures") or ()),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise UsageError(
            f"{folder / 'config.json'} describes no decoder whose size is known here ({wrong!r} is not there)"
        ) from None
