"""Studio: the models and prompts that one stage works with on one run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.bench import Bench
from tamis.curate.synthesis.talk import Talk
from tamis.models import Budget, Model, Responses, open_by, price
from tamis.models.client import Remote
from tamis.models.local import Local
from tamis.models.probing import probe
from tamis.prompts import Template, TemplateError, read

if TYPE_CHECKING:
    from tamis.curate.synthesis.stage import Synth

FORMS = {"score", "equal", "aspects", "compare", "tasks"}
"""Purposes that are answered in a form: the endpoint is probed for them."""

REPAIR = frozenset({"wrong", "fields"})


class Studio:
    """Models by name, opened when first asked for, sharing one budget and one cache of answers."""

    def __init__(self, stage: Synth, bench: Bench) -> None:
        self.stage, self.bench = stage, bench
        self.templates = templates_of(stage)
        self.budget = Budget.of(bench.means)
        self._responses: Responses | None = None
        self._models: dict[str, Model] = {}
        self._lent: Model | None = None
        self._schemas: bool | None = {"schema": True, "text": False}.get(stage.structured)

    @property
    def model(self) -> Model:
        """The one that writes."""
        return self.named(self.stage.model)

    @property
    def judge(self) -> Model:
        """The one that scores and compares."""
        return self.named(self.stage.judge or self.stage.model)

    def named(self, spec: str) -> Model:
        """The model `spec`."""
        if self._lent is not None:
            return self._lent
        if spec not in self._models:
            self._responses = self._responses or Responses(self.bench.responses)
            stage = self.stage
            money = price(stage.price) if stage.price else None
            self._models[spec] = open_by(self.bench.means, spec, stage.base_url, money, self._responses, self.budget)
        return self._models[spec]

    def lend(self, model: Model) -> None:
        """Take `model` for all that are asked."""
        self._lent, self._schemas = model, False

    def talk(self, shortened: Mapping[str, int] | None = None) -> Talk:
        """A talk about one seed; shortened: how much of its text was taken, where not all was."""
        stage = self.stage
        params = {"temperature": stage.temperature, "max_tokens": stage.max_tokens, "seed": stage.seed}
        noted = {"cut": dict(shortened)} if shortened else {}
        return Talk(self.templates, params, self.schemas, noted, thoughts=stage.thoughts == "keep")

    @property
    def schemas(self) -> bool:
        """Whether answers in a form are asked for by JSON schema."""
        return bool(self._schemas)

    def settle(self) -> None:
        """Find out, where the stage leaves that open, whether the judge's endpoint keeps to schemas. Raises Stopped."""
        if self._schemas is None and FORMS & set(self.stage.calls):
            model = self.judge
            found = probe(model) if isinstance(model, (Remote, Local)) else None
            self._schemas = bool(found and found.json_schema)
            self.bench.note("structured", "schema" if self._schemas else "text")
            self.bench.varies("endpoint", dict(found._asdict()) if found else {})

    def close(self) -> None:
        """Say what was spent, and let the connections go."""
        spent, total = {}, Decimal(0)
        for spec, model in self._models.items():
            if (spending := getattr(model, "spending", None)) is not None:
                spent[spec] = spending.facts()
                total += spending.money
            if (close := getattr(model, "close", None)) is not None:
                close()
        if self._responses is not None:
            self._responses.close()
        self.bench.varies("spending", spent)
        self.bench.pay(total)

    def progress(self) -> dict[str, Any]:
        """Requests, tokens and money so far."""
        told: dict[str, Any] = {"requests": 0, "cached": 0, "tokens_in": 0, "tokens_out": 0, "unknown": 0}
        told["money"] = Decimal(0)
        for model in self._models.values():
            if (spending := getattr(model, "spending", None)) is not None:
                told["requests"] += spending.answered
                for name in ("cached", "tokens_in", "tokens_out", "unknown", "money"):
                    told[name] += getattr(spending, name)
        return told


def templates_of(stage: Synth) -> dict[str, Template]:
    """The prompts of `stage` by purpose: those that come with tamis, and in their place the user's. Raises TemplateError."""
    method = stage.name.partition(".")[2]
    known: Mapping[str, frozenset[str]] = {**stage.prompts, "repair": REPAIR}
    shipped = files("tamis.curate.synthesis") / "templates"
    found = {
        purpose: read(shipped / name, there, name)
        for purpose, there in known.items()
        for name in [f"{'' if purpose == 'repair' else method + '.'}{purpose}.j2"]
    }
    if stage.template is None:
        return found
    own = Path(stage.base) / stage.template
    if not own.is_dir():
        main = next(iter(stage.prompts))
        return {**found, main: read(own, known[main], stage.template)}
    mine = sorted(own.glob("*.j2"))
    if strange := [file.name for file in mine if file.stem not in known]:
        raise TemplateError(
            f"{strange[0]} stands for no prompt; there are {', '.join(k + '.j2' for k in known)}", str(own)
        )
    if not mine:
        raise TemplateError(f"there is no template in it; there may be {', '.join(k + '.j2' for k in known)}", str(own))
    return {**found, **{file.stem: read(file, known[file.stem]) for file in mine}}
