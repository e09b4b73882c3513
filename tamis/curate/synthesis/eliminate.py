"""The four elimination rules of Evol-Instruct (Xu et al. 2023, WizardLM, arXiv:2304.12244, section 3.3).

1  the evolved instruction gains nothing over the one before, in the eyes of a model      equal == 1
2  the answer says "sorry" in fewer than 80 words                                         sorry_words < 80
3  the answer is nothing but punctuation and stop words                                   answer_words == 0
4  the instruction speaks of a "given prompt", a "rewritten prompt" and the like          leaks > 0
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from tamis.curate.synthesis.alike import words_of
from tamis.curate.synthesis.read import Form, object_schema
from tamis.kernels.words import word_hash
from tamis.stage import Rule

STOP_WORDS = frozenset(
    """a about above after again against all am an and any are as at be because been before being below between both but by
    can could did do does doing don down during each few for from further had has have having he her here hers herself him
    himself his how i if in into is isn it its itself just ll m me more most my myself no nor not now o of off on once only or
    other our ours ourselves out over own re s same she should so some such t than that the their theirs them themselves then
    there these they this those through to too under until up ve very was we were what when where which while who whom why
    will with would y you your yours yourself yourselves""".split()  # noqa: SIM905
)
"""English function words; the paper does not print its list."""

_STOP = np.array(sorted(word_hash(word) for word in STOP_WORDS), np.uint64)
_SORRY = re.compile(r"\bsorry\b", re.I)

SCORES = [
    pa.field("equal", pa.uint8(), metadata={"says": "1: the model finds no gain over the instruction before."}),
    pa.field("sorry_words", pa.uint32(), metadata={"says": "Words of an answer that says sorry."}),
    pa.field("answer_words", pa.uint32(), metadata={"says": "Words of the answer that are no stop words."}),
    pa.field("leaks", pa.uint16(), metadata={"says": "Words of our prompt in the instruction."}),
]

RULES = (
    Rule("no_gain", "drop", "equal", "<=", 0, says="1: nothing gained; Xu et al. 2023, 3.3"),
    Rule("leak", "drop", "leaks", "<=", 0, says="4: words of the prompt copied; Xu et al. 2023, 3.3"),
    Rule("sorry", "drop", "sorry_words", ">=", 80, says="2: words of an answer that says sorry; Xu et al. 2023, 3.3"),
    Rule("no_answer", "drop", "answer_words", ">", 0, says="3: only punctuation and stop words; Xu et al. 2023, 3.3"),
)

ELIMINATION = tuple(rule.id for rule in RULES)


def _equal(held: object) -> bool:
    value = held.get("equal") if isinstance(held, dict) else None
    if not isinstance(value, bool):
        raise ValueError(f"'equal' is {value!r:.40}, true or false was wanted")
    return value


def _plain_equal(text: str) -> bool:
    """As the paper has it answered: "Equal" or "Not Equal"."""
    found = re.fullmatch(r"\W*(not\s+)?equal\W*", text, re.I)
    if not found:
        raise ValueError("it is neither JSON nor 'Equal' or 'Not Equal'")
    return not found[1]


EQUAL = Form("equal", object_schema(equal={"type": "boolean"}), _equal, _plain_equal)


def of_answer(answer: str) -> dict[str, float | None]:
    """What rules 2 and 3 look at."""
    found = words_of(answer)
    return {
        "sorry_words": len(found) if _SORRY.search(answer) else None,
        "answer_words": int((~np.isin(found, _STOP)).sum()),
    }
