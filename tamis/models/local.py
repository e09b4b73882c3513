"""A language model on this machine, with an adapter (LoRA) where there is one, as Hugging Face transformers runs it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tamis.errors import InputError
from tamis.extras import extra
from tamis.models.adapter import demand_match
from tamis.models.asking import sending
from tamis.models.completion import NOTHING
from tamis.models.failure import Failed, Missed
from tamis.models.prices import Price
from tamis.models.reply import Reply, Usage
from tamis.models.request import Request, canonical, most_tokens, request_key
from tamis.models.responses import Responses
from tamis.models.spending import ZERO, Amount, Budget, Spending
from tamis.models.weights import folder_digest, load_model, load_tokenizer, with_adapter

MOST_TOKENS = 256
"""Tokens out where a request sets no limit."""

_KNOWN = {"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop"}


class Local:
    """The model in the folder `path`. It costs nothing; what it said is kept like any other answer."""

    price = Price(Decimal(0), Decimal(0), table="on this machine")

    def __init__(
        self,
        path: Path,
        adapter: Path | None,
        responses: Responses,
        *,
        replay: bool = False,
        budget: Budget | None = None,
    ) -> None:
        for folder in (path, adapter):
            if folder is not None and not folder.is_dir():
                raise InputError(f"there is no model at {folder}; hf: wants a folder as save_pretrained writes it")
        self._path, self._adapter, self._responses = path, adapter, responses
        self.replay, self._budget, self.spending = replay, budget or Budget(), Spending()
        self._name = "+".join(p.name for p in (path, adapter) if p)
        # What is in the files is who answers; where they lie is not.
        self._endpoint = "+".join(f"hf:{folder_digest(p)[:32]}" for p in (path, adapter) if p)
        self._turn = asyncio.Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        """The folder's name, and the adapter's."""
        return self._name

    @property
    def endpoint(self) -> str:
        """hf: and the first half of a digest over the files of the model, and of the adapter."""
        return self._endpoint

    @property
    def responses(self) -> Responses:
        """Where answers are kept."""
        return self._responses

    @property
    def context(self) -> int | None:
        """Tokens that prompt and answer may have together, as its config.json says."""
        try:
            found = json.loads((self._path / "config.json").read_text("utf-8")).get("max_position_embeddings")
        except (OSError, ValueError, AttributeError, RecursionError):
            return None
        return found if isinstance(found, int) else None

    def has(self, request: Request) -> bool:
        """Is the answer in the cache?"""
        return request_key(canonical(self._name, request), self._endpoint, request.sample) in self._responses

    async def ask(self, request: Request) -> Reply:
        """The answer to `request`: the cached one, or a new one, one at a time."""
        body = canonical(self._name, request)
        key = request_key(body, self._endpoint, request.sample)
        if unknown := sorted(set(request.params) - _KNOWN):
            said = f"a model on this machine knows no {', '.join(unknown)}; it takes {', '.join(sorted(_KNOWN))}"
            raise Failed("bad_request", said, usage=NOTHING, cost=ZERO)
        into, out = most_tokens(request)
        reserve = Amount(1, into + (out or MOST_TOKENS))
        if not self.replay and key not in self._responses:
            await self._budget.begin(reserve)
        async with self._turn:
            if found := self._responses.get(key):
                self.spending.cached += 1
                return found
            if self.replay:
                if lost := self._responses.failure(key):
                    self.spending.failed += 1
                    raise lost
                raise Missed("missed", f"replay: {self._responses.path} has no answer of {self._name} to this request")
            await self._budget.reserve(reserve)
            spent = reserve
            try:
                with sending():
                    text, finish, usage = await asyncio.to_thread(self._generate, request)
                spent = Amount(1, sum(u or 0 for u in usage))
                return self._keep(text, finish, usage, body, key, request.sample)
            except Failed as lost:
                self.spending.failed += 1
                self._responses.lose(lost, key, self._endpoint, self._name)
                raise
            finally:
                self._budget.settle(reserve, spent)

    def close(self) -> None:
        """Let the model go."""
        self._loaded = None

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, text: str, finish: str, usage: Usage, body: bytes, key: bytes, sample: int) -> Reply:
        self.spending.sent += 1
        self.spending.bought(usage, Decimal(0))
        if not text.strip():
            raise Failed("empty", f"{self._name} said nothing ({finish})", 1, usage, ZERO)
        self.spending.answered += 1
        reply = Reply(text, finish, self._name, usage, Decimal(0), key, False, 1)
        return self._responses.put(reply, body, self._endpoint, self._name, sample)

    def _generate(self, request: Request) -> tuple[str, str, Usage]:
        """Text, why it ended, tokens."""
        with extra("transformers"):
            import torch
        tokenizer, model = self._load()
        params = request.params
        prompt = tokenizer.apply_chat_template(
            [dict(m) for m in request.messages], add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        size = prompt["input_ids"].shape[1]
        limit = int(params.get("max_completion_tokens", params.get("max_tokens", MOST_TOKENS)))
        room = getattr(model.config, "max_position_embeddings", None)
        if room is not None and size + limit > room:
            raise Failed("context", f"{self._name} reads {room} tokens, and prompt and max_tokens are {size} + {limit}")
        warm = float(params.get("temperature", 1.0))
        drawn = {"do_sample": True, "temperature": warm, "top_p": float(params.get("top_p", 1.0)), "top_k": 0}
        stop = params.get("stop") or []
        # A draw of its own for every sample: the seed alone would give them all the same text.
        torch.manual_seed(_seed(params.get("seed", 0), request.sample))
        made = model.generate(
            **prompt,
            max_new_tokens=limit,
            pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
            **(drawn if warm > 0 else {"do_sample": False}),
            **(
                {"stop_strings": [stop] if isinstance(stop, str) else list(stop), "tokenizer": tokenizer}
                if stop
                else {}
            ),
        )[0][size:]
        text = tokenizer.decode(made, skip_special_tokens=True)
        for word in [stop] if isinstance(stop, str) else stop:
            text = text.partition(word)[0]
        return text, "length" if len(made) >= limit else "stop", Usage(size, len(made))

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            with extra("transformers"):
                import torch
            place = "cuda" if torch.cuda.is_available() else "cpu"
            tokenizer, model = load_tokenizer(self._path), load_model(self._path)
            if self._adapter is not None:
                demand_match(self._adapter, self._path)
                model = with_adapter(model, self._adapter)
            self._loaded = tokenizer, model.to(place).eval()
        return self._loaded


def _seed(seed: int, sample: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {sample}".encode()).digest()[:4], "big")
