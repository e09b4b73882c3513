"""A batch as one row without padding, and scored only where something is learnt: on a processor each token costs, on a GPU few do.

TRL pads a batch to its longest row, asks the head for every position, and reads a prompt once for each of the two answers of a
pair. Here rows stand one behind another, each sees itself alone, and an answer goes on from the prompt that stands there already.
The numbers are those of the padded batch but for the order in which they are added.

    a batch      what stands there           what each sees
    p p p c c    p p p c c r  q q d d e e e     c: p p p c c        r: p p p r
    p p p r .                                   e: q q e e e
    …
"""

from __future__ import annotations

from types import MethodType, SimpleNamespace
from typing import Any, NamedTuple

from tamis.train.head import log_probs

KNOWN = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
"""What computes each token from itself and, in attention alone, from those before it; and scores by one product."""

NAME = "tamis_rows"


class Span(NamedTuple):
    """A row, or what of it stands nowhere else: where it begins and ends, and where what it goes on from does."""

    start: int
    end: int
    first: int
    last: int


class Layout(NamedTuple):
    """How a batch of (b, l) tokens stands in one row of n.

    taken      (n,) int64     which of the b * l tokens stands here
    positions  (1, n) int64   its place in its own row
    places     (b, l) int64   where each token stands; padding stands nowhere (0)
    spans      in order, together 0 to n
    """

    taken: Any
    positions: Any
    places: Any
    spans: tuple[Span, ...]


def laid_out(ids: Any, real: Any, pairs: bool) -> Layout:
    """How the rows `ids` (b, l), padded to the right where `real` is false, stand in one.

    pairs  row k and row k + b / 2 answer the same prompt: what they begin with stands there once
    """
    import torch

    count, width = ids.shape
    sizes = real.sum(1).tolist()
    places = torch.zeros((count, width), dtype=torch.int64)
    taken, positions, spans = [], [], []
    at = 0
    order = [k + side * (count // 2) for k in range(count // 2) for side in (0, 1)] if pairs else range(count)
    for row in order:
        size, shared, first = sizes[row], 0, at
        if pairs and row >= count // 2:
            other = row - count // 2
            shared = min(_shared(ids[other], ids[row]), sizes[other], size - 1)
            first = int(places[other, 0])
            places[row, :shared] = places[other, :shared]
        own = torch.arange(shared, size)
        places[row, shared:size] = own - shared + at
        taken.append(own + row * width)
        positions.append(own)
        spans.append(Span(at, at + size - shared, first, first + shared))
        at += size - shared
    return Layout(torch.cat(taken), torch.cat(positions)[None], places, tuple(spans))


def _shared(some: Any, others: Any) -> int:
    """With how many equal tokens both begin."""
    differ = (some != others).nonzero()
    return int(differ[0]) if len(differ) else len(some)


def fits(model: Any, max_length: int) -> bool:
    """Can rows of `model`, a base without its adapter, stand in one? Its head must be as it was: one product, not trained."""
    config, head = model.config, model.get_output_embeddings()
    sees = getattr(config, "sliding_window", None)
    return (
        type(model).__name__ in KNOWN
        and (sees is None or max_length <= sees)
        and type(head).__name__ == "Linear"
        and head.bias is None
        and not head.weight.requires_grad
        and head.weight.dtype.itemsize == 4
    )


def unpad(model: Any, pairs: bool) -> None:
    """Have `model`, patched by TRL to give log-probabilities, give them so. It must fit."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attend)
    model.set_attn_implementation(NAME)
    original = model.forward

    def forward(self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, **given: Any) -> Any:
        if not fused_lm_head:
            return original(*args, labels=labels, **given)
        laid = laid_out(given["input_ids"], given["attention_mask"].bool(), pairs)
        ids = given["input_ids"].reshape(-1)[laid.taken][None]
        out = self.base_model(input_ids=ids, position_ids=laid.positions, use_cache=False, spans=laid.spans)
        after = labels[:, 1:]
        learnt = after != -100
        hidden = out.last_hidden_state[0].index_select(0, laid.places[:, :-1][learnt])
        nothing = hidden.new_zeros(after.shape)
        found = nothing.masked_scatter(learnt, log_probs(hidden, self.get_output_embeddings().weight, after[learnt]))
        # What TRL measures besides, nobody reads.
        return SimpleNamespace(
            log_probs=found,
            label_mask=learnt,
            entropy=nothing,
            mean_logits=nothing,
            is_top1=nothing.bool(),
            aux_loss=None,
        )

    model.forward = MethodType(forward, model)


def _attend(module: Any, query: Any, key: Any, value: Any, mask: Any, *, spans: Any = None, **given: Any) -> Any:
    """Attention of each span to itself and to what it goes on from: (1, heads, n, d) to (1, n, heads, d)."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward as attend

    if spans is None:
        return attend(module, query, key, value, mask, **given)
    found = []
    for start, end, first, last in spans:
        keys, values, seen = key[:, :, start:end], value[:, :, start:end], None
        if last > first:
            keys, values = (torch.cat([a[:, :, first:last], b], 2) for a, b in ((key, keys), (value, values)))
            seen = torch.ones((end - start, keys.shape[2]), dtype=torch.bool).tril(last - first)[None, None]
        found.append(attend(module, query[:, :, start:end], keys, values, seen, **given)[0])
    return torch.cat(found, 1), None
