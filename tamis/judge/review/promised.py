"""The contract that labels of a form keep: to be read, tightened, and given to `review import --contract`."""

from __future__ import annotations

import json

from tamis.judge.review.form import Form

HEAD = """\
# What labels of this review have to keep. Change it, and give it to `tamis review import --contract`.
apiVersion: v3.1.0
kind: DataContract
id: review
version: 1.0.0
status: active
schema:
  - name: labels
    logicalType: object
    properties:
      - {name: task, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: rater, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2, classification: restricted}
"""

LABEL = """\
      - name: label
        logicalType: string
        required: true
        quality:
          - {{id: allowed, metric: invalidValues, arguments: {{validValues: {labels}}}, mustBe: 0}}
          # - id: they_agree
          #   type: custom
          #   engine: tamis
          #   implementation: {{measure: agreement, mustBeGreaterOrEqualTo: 0.6, arguments: {{item: task, rater: rater}}}}
"""

SCORES = """\
      - name: scores
        logicalType: object
        required: true
        properties:
{properties}
        quality:
"""

SCALE = """\
          - id: {id}
            type: custom
            engine: tamis
            implementation: {{measure: rubric, mustBe: 0, arguments: {{criteria: {names}, low: {low}, high: {high}}}}}
"""


def contract(form: Form) -> str:
    """The contract, as YAML: labels that are allowed, or the whole rubric within its scales."""
    if form.kind == "pair":
        return HEAD + LABEL.format(labels=json.dumps(list(form.labels)))
    properties = "\n".join(f"          - {{name: {json.dumps(c.name)}, logicalType: integer}}" for c in form.criteria)
    scales = sorted({(c.low, c.high) for c in form.criteria})
    rules = [
        SCALE.format(
            id=f"from_{low}_to_{high}",
            names=json.dumps([c.name for c in form.criteria if (c.low, c.high) == (low, high)]),
            low=low,
            high=high,
        )
        for low, high in scales
    ]
    return HEAD + SCORES.format(properties=properties) + "".join(rules)
