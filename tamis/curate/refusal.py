"""refusal: what a model says instead of an answer.

refusal      "I'm sorry, but I can't help with that."     at the beginning of an answer
boilerplate  "As an AI language model, I …"               anywhere
echo         our own prompt: "Rewritten Prompt:", a fence, a token of a chat format
parrot       the question given back as the answer

The phrases were taken from published lists and put together: the refusals of Zou et al. 2023 (Universal and Transferable
Adversarial Attacks, arXiv:2307.15043, appendix B.2), the filter of Vicuna's training data (FastChat, optional_clean.py), and
elimination rule 4 of Xu et al. 2023 (WizardLM, arXiv:2304.12244). They are English; docs/stages.md says what they find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.prompts.leaks import LEAK
from tamis.prompts.refusals import BEGINS
from tamis.schemas import flat, kind_of
from tamis.schemas.constant import constant
from tamis.stage import Rule, Stage

ANYWHERE = (
    r"(?i)\bas an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant)?[, ]+(?:i|it)\b"
    r"|\bas an? (?:large )?language model\b"
    r"|\bi(?:'m| am) (?:just |only |simply )?an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|\bmy (?:knowledge cutoff|training data|programming)\b|\bknowledge cut-?off\b|\btrained by openai\b"
    r"|\bi (?:do not|don't) have (?:personal (?:opinions|beliefs|experiences|preferences|feelings)|feelings or)\b"
    r"|\bagainst (?:my|openai's) (?:programming|content policy|use case policy|guidelines)\b"
    r"|\bopenai's? (?:content )?polic(?:y|ies)\b"
)

ECHO = LEAK + (
    r"|<\|[^<>|\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|(?m:^\s*#{2,}\s*(?:instruction|response|input|human|assistant)\s*:)"
    r"|\bbelow is an instruction that describes a task\b|(?m:^(?:USER|ASSISTANT|HUMAN):)"
)


@dataclass(frozen=True)
class Refusal(Stage):
    """Drop answers that are none. Looks at what the assistant says in a chat, at the chosen answer of a preference, at the
    text of a document, at the answer of an eval item; and at what others of `roles` say, where a model wrote that, too."""

    roles: tuple[str, ...] = ("assistant",)
    chars: int = 200
    refusals: int = 0
    boilerplate: int = 0
    echoes: int = 0
    parrot: float = 0.9
    min_chars: int = 0
    max_chars: int = 1_000_000

    name = "refusal"
    measured_by = frozenset({"chars", "roles"})
    scores = pa.schema(
        [
            pa.field("refusals", pa.uint16(), metadata={"says": "Answers that begin as a refusal does."}),
            pa.field("boilerplate", pa.uint16(), metadata={"says": "Answers in which a model speaks of itself."}),
            pa.field(
                "echoes", pa.uint16(), metadata={"says": "Answers that hold words of a prompt or of a chat format."}
            ),
            pa.field(
                "parroted", pa.uint32(), metadata={"says": "Characters of answers that are the question given back."}
            ),
            pa.field("answered", pa.uint32(), metadata={"says": "Characters of all answers."}),
        ]
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """An answer of a row is enough to break one."""
        return (
            Rule("refusals", "drop", "refusals", "<=", self.refusals, says="Answers that begin as a refusal does"),
            Rule(
                "boilerplate",
                "drop",
                "boilerplate",
                "<=",
                self.boilerplate,
                says="Answers where a model speaks of itself",
            ),
            Rule("echoes", "drop", "echoes", "<=", self.echoes, says="Answers with words of a prompt or chat format"),
            Rule(
                "parrot",
                "drop",
                "parroted",
                "<=",
                self.parrot,
                "answered",
                says="Share of answers that is the question",
            ),
            Rule("min_chars", "drop", "answered", ">=", self.min_chars, says="Characters of all answers"),
            Rule("max_chars", "drop", "answered", "<=", self.max_chars, says="Characters of all answers"),
        )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Counts of each row's answers."""
        answers, rows, asked = answers_of(batch, self.roles)
        n = batch.num_rows
        plain = pc.replace_substring_regex(answers, "[’‘ʼ`´]", "'")
        head = pc.utf8_slice_codeunits(plain, 0, max(1, self.chars))
        counts = [
            np.bincount(rows, pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False), n)
            for text, pattern in ((head, BEGINS), (plain, ANYWHERE), (plain, ECHO))
        ]
        length = pc.utf8_length(answers).to_numpy(zero_copy_only=False).astype(np.int64)
        folded = [pc.utf8_lower(pc.replace_substring_regex(text, r"[\s\pP]+", "")) for text in (answers, asked)]
        same = pc.and_(pc.equal(*folded), pc.greater(pc.utf8_length(folded[1]), constant(0)))
        back = same.to_numpy(zero_copy_only=False)
        counts += [np.bincount(rows, length * back, n), np.bincount(rows, length, n)]
        columns = [pa.array(c.astype(np.int64)).cast(f.type) for c, f in zip(counts, self.scores, strict=True)]
        return pa.record_batch(columns, schema=self.scores)


def answers_of(
    batch: pa.RecordBatch, who: Sequence[str] = ("assistant",)
) -> tuple[pa.StringArray, np.ndarray, pa.StringArray]:
    """What `who` say in `batch`, the row of each (k,) int64, and what was said right before each ("": nothing)."""
    kind = kind_of(batch.schema).name
    if kind in ("document", "eval_item"):
        name, before = ("text", None) if kind == "document" else ("answer", "question")
        texts = pc.fill_null(batch.column(name), constant(""))
        asked = pc.fill_null(batch.column(before), constant("")) if before else pa.array([""] * len(texts), pa.string())
        return texts, np.arange(batch.num_rows), asked
    column = batch.column("messages" if kind == "chat" else "chosen")
    strings, offsets = flat(column)
    assert offsets is not None
    strings = pc.fill_null(strings, constant(""))
    rows = np.repeat(np.arange(batch.num_rows), np.diff(offsets))
    messages = column.flatten()
    # A table of the caller's may not say who speaks: then all that is said is an answer.
    spoken = messages.type.get_field_index("role") >= 0
    roles = pc.struct_field(messages, "role") if spoken else pa.array(["assistant"] * len(messages), pa.string())
    by_model = pc.is_in(roles, pa.array(who, pa.string()))
    answers = np.flatnonzero(by_model.to_numpy(zero_copy_only=False))
    first = np.isin(answers, offsets[:-1])
    before = strings.take(pa.array(np.maximum(answers - 1, 0)))
    opening = _last_asked(batch) if kind == "preference" else pa.array([""] * batch.num_rows, pa.string())
    asked = pc.if_else(pa.array(first), opening.take(pa.array(rows[answers])), before)
    return strings.take(pa.array(answers)), rows[answers], asked


def _last_asked(batch: pa.RecordBatch) -> pa.StringArray:
    """The last message of each prompt."""
    strings, offsets = flat(batch.column("prompt"))
    assert offsets is not None
    some = np.diff(offsets) > 0
    last = pa.array(np.where(some, offsets[1:] - 1, 0), mask=~some)
    return pc.fill_null(strings.take(last), constant(""))
