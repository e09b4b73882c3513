"""Is a rule right? Records drawn blind from what it dropped and from what was kept, and what people made of them.

sample.jsonl      {"task": "017", "text": "…"}                             what raters see: nothing else
sample.key.json   which task is which record, of which rule; sealed        what they do not
labels.jsonl      {"task": "017", "label": "keep", "rater": "ana"}         what comes back
"""

from tamis.runs.audit.draw import Drawn, Stratum, draw
from tamis.runs.audit.judge import Audit, judge
from tamis.runs.audit.key import Key, open_key
from tamis.runs.audit.labels import Label, read_labels
from tamis.runs.audit.sample import Sample, write_sample
from tamis.statistics.wilson import wilson

__all__ = [
    "Audit",
    "Drawn",
    "Key",
    "Label",
    "Sample",
    "Stratum",
    "draw",
    "judge",
    "open_key",
    "read_labels",
    "wilson",
    "write_sample",
]
