"""One seed's talk with models: what is asked, what is answered, and a record of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tamis.curate.synthesis.read import Form
from tamis.curate.synthesis.row import Asked
from tamis.models import Failed, Model, Reply, Request
from tamis.models.request import canonical, request_key
from tamis.prompts import Prompt, Template
from tamis.prompts.thoughts import without_thoughts


class Unreadable(Exception):
    """An answer that is none. `why` says what is wrong with it, `rule` what its seed is rejected by.

    unreadable          it is not in the form asked for, after one repair
    unfinished_thought  it is a thought without an end: <think> and no </think>
    """

    def __init__(self, purpose: str, why: str, rule: str = "unreadable") -> None:
        self.purpose, self.why, self.rule = purpose, why, rule
        super().__init__(f"{purpose}: {why}")


class Talk:
    """Asks for one seed; `asked` is all it asked, in order. thoughts: whether what a model thought aloud stays in its answers."""

    def __init__(
        self,
        templates: Mapping[str, Template],
        params: Mapping[str, Any],
        schemas: bool,
        noted: Mapping[str, Any] = {},
        thoughts: bool = False,
    ) -> None:
        self.templates, self.params, self.schemas, self.noted, self.thoughts = (
            templates,
            params,
            schemas,
            noted,
            thoughts,
        )
        self.asked: list[Asked] = []

    async def say(
        self, model: Model, purpose: str, sample: int = 0, told: Mapping[str, Any] = {}, **names: Any
    ) -> tuple[Reply, Asked]:
        """The answer to the prompt of `purpose`. told: parameters that stand in for the stage's. Raises Failed, Unreadable."""
        template = self.templates[purpose]
        return await self._ask(model, purpose, template, template.render(**names), {**self.params, **told}, sample)

    async def fill(
        self, model: Model, purpose: str, form: Form, sample: int = 0, temperature: float = 0.0, **names: Any
    ) -> tuple[Any, list[Asked]]:
        """What the answer says, in `form`; asked once more where it is not. Raises Failed, Unreadable.

        Judgements are asked for at temperature 0: the same question has the same answer wherever the endpoint can.
        """
        template = self.templates[purpose]
        prompt = template.render(**names)
        told = {**self.params, "temperature": temperature}
        if self.schemas:
            told["response_format"] = form.response_format
        reply, asked = await self._ask(model, purpose, template, prompt, told, sample)
        try:
            return form.values(reply.text), [asked]
        except ValueError as wrong:
            mend = self.templates["repair"].render(wrong=str(wrong), fields=list(form.schema["properties"]))
        again = Prompt(
            (*prompt.messages, {"role": "assistant", "content": reply.text[:2000]}, *mend.messages), mend.sha256
        )
        mended, second = await self._ask(model, f"{purpose}.repair", self.templates["repair"], again, told, sample)
        try:
            return form.values(mended.text), [asked, second]
        except ValueError as wrong:
            raise Unreadable(purpose, str(wrong)) from None

    async def _ask(
        self, model: Model, purpose: str, template: Template, prompt: Prompt, params: Mapping[str, Any], sample: int
    ) -> tuple[Reply, Asked]:
        sent = dict(params)
        if sent.get("seed") is not None:
            # Servers that honour a seed give the same text for the same seed.
            sent["seed"] = int(sent["seed"]) + sample
        request = Request(prompt.messages, sent, sample)
        noted = {k: v for k, v in sent.items() if k not in ("response_format", "seed") and v is not None}
        noted |= self.noted
        about = (model.name, template.label, template.sha256.hex(), prompt.sha256.hex())
        try:
            reply = await model.ask(request)
        except Failed as failed:
            key = request_key(canonical(model.name, request), model.endpoint, sample)
            outcome = (failed.reason, failed.attempts, *failed.usage, failed.cost, model.name)
            self.asked.append(Asked(purpose, key, *outcome, *about, noted))
            raise
        answer = reply.text if self.thoughts else without_thoughts(reply.text)
        said = "unfinished_thought" if answer is None else "ok"
        asked = Asked(purpose, reply.key, said, reply.attempts, *reply.usage, reply.cost, reply.model, *about, noted)
        self.asked.append(asked)
        if answer is None:
            raise Unreadable(purpose, "the answer is a thought without an end; more max_tokens may help", said)
        return reply._replace(text=answer), asked
