"""Published figures of judging, computed again: ours beside theirs, with the difference allowed and whether it holds.

    python benchmarks/judge_truth.py ../shared/data
    python benchmarks/judge_truth.py ../shared/data --inputs inputs.json     what benchmarks/judge_lc_reference.py is to fit

LLMBar (Zeng et al. 2024): accuracy and agreement of every judge file. PandaLM (Wang et al. 2024): kappas of its annotators, and a
judge against them. AlpacaEval 2 (Dubois et al. 2024): win rate and standard error of every model, and the length-controlled fit
beside their own code on equal inputs: the two files it needs are not at hand, so two models of the board stand in for the gamed
answers, and the mean log-odds of all models for how hard an item is.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from measure import save, table

from tamis.judge.agreement import cohen, raw
from tamis.judge.controlled import length_controlled
from tamis.judge.labels import Labels
from tamis.judge.people import against
from tamis.judge.winrate import win_rates

GAMED = ("gpt-3.5-turbo-1106_verbose", "gpt4_0613_concise")


class Line(NamedTuple):
    """One figure. `allowed`: the largest difference that passes."""

    what: str
    published: float
    ours: float
    allowed: float

    @property
    def passes(self) -> bool:
        return abs(self.ours - self.published) <= self.allowed


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a packed file of JSON Lines."""
    with gzip.open(path) as lines:
        yield from map(json.loads, lines)


def llmbar(data: Path) -> Iterator[Line]:
    """Accuracy in each order and in both, and how often both orders say the same, of every judge and set."""
    votes: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for vote in rows(data / "judge/llmbar_judge_votes_public.jsonl.gz"):
        votes.setdefault((vote["item"].rsplit("-", 1)[0], vote["judge"], vote["strategy"]), []).append(vote)
    for told in rows(data / "judge/llmbar_judge_stats_public.jsonl.gz"):
        name = (told["set"], told["judge"], told["strategy"])
        frame = pl.DataFrame(votes[name], infer_schema_length=None).rename({"item": "item_id"})
        ends = {"False": "winner_original", "True": "winner_swapped"}
        for key, column in ends.items():
            ours = against(frame[column].cast(pl.String), frame["gold"], frame["item_id"]).accuracy.value
            yield Line(f"{'/'.join(name)} correct {key}", _share(told["stats"][f"correct_{key}"]), float(ours or 0), 0)
        right = pl.all_horizontal(pl.col(c).eq_missing(pl.col("gold")) for c in ends.values())
        same = pl.col(ends["False"]).eq_missing(pl.col(ends["True"]))
        for key, expression in (("correct_both", right), ("equal", same)):
            yield Line(
                f"{'/'.join(name)} {key}", _share(told["stats"][key]), float(frame.select(expression.mean()).item()), 0
            )
        if not frame.select(pl.any_horizontal(pl.col(c).is_null().any() for c in ends.values())).item():
            labels = Labels(_long(frame, ends.values(), "item_id"))
            published, ours = told["stats"]["kappa_agreement"], cohen(labels, draws=0).value
            if not np.isnan(published) and ours is not None:
                yield Line(f"{'/'.join(name)} kappa of both orders", published, ours, 1e-9)


def pandalm(data: Path) -> Iterator[Line]:
    """Annotators' kappas, how many pairs are unanimous, and GPT-3.5 against the majority."""
    pairs = list(rows(data / "judge/pandalm_human.jsonl.gz"))
    for (i, j), published in {(0, 1): 0.85, (0, 2): 0.88, (1, 2): 0.86}.items():
        said = [(k, f"annotator {r}", pair["annotators"][r]) for k, pair in enumerate(pairs) for r in (i, j)]
        found = cohen(Labels(pl.DataFrame(said, ["item", "rater", "label"], orient="row")), draws=0).value
        yield Line(f"PandaLM kappa of annotators {i + 1} and {j + 1}", published, float(found or 0), 0.005)
    unanimous = sum(len(set(pair["annotators"])) == 1 for pair in pairs)
    yield Line("PandaLM unanimous pairs", 879, unanimous, 0)
    published_of = {"gpt-3.5-turbo": (0.7107, 0.5879, 0.5736, 0.5755), "pandalm-7b": (0.6677, 0.5738, 0.5750, 0.5743)}
    for judge, wanted in published_of.items():
        # 25 answers of GPT-3.5 are no verdict ("garbage"); their evaluation counts them as ties, we would count them as wrong
        said_by = [{"Tie": "tie", "garbage": "tie"}.get(p["meta"][judge], p["meta"][judge]) for p in pairs]
        frame = pl.DataFrame({"said": said_by, "right": [p["label"] for p in pairs]})
        found = against(frame["said"], frame["right"], pl.Series([str(k) for k in range(len(pairs))]))
        ours = (found.accuracy.value, found.precision, found.recall, found.f1)
        for what, theirs, own in zip(("accuracy", "precision", "recall", "F1"), wanted, ours, strict=True):
            yield Line(f"PandaLM {judge} {what}", theirs, float(own or 0), 5e-5)
    said = [(k, f"annotator {r}", label) for k, pair in enumerate(pairs) for r, label in enumerate(pair["annotators"])]
    print("PandaLM people agree:", raw(Labels(pl.DataFrame(said, ["item", "rater", "label"], orient="row"))))


def alpacaeval(data: Path) -> Iterator[Line]:
    """Win rate and standard error of every model whose preferences are given, in percent."""
    for told in rows(data / "nc/alpacaeval2_pref_matrix_a.jsonl.gz"):
        share = [
            (f"i{k}", told["model"], "gpt4_1106_preview", s)
            for k, s in enumerate(told["pref_vs_gpt4_1106"])
            if s is not None
        ]
        frame = pl.DataFrame(share, ["item_id", "model_a", "model_b", "share"], orient="row")
        found = next(r for r in win_rates(frame, "gpt4_1106_preview") if r.model == told["model"])
        published = told["published"]
        yield Line(
            f"AlpacaEval {told['model']} win rate",
            float(published["win_rate"]),
            100 * float(found.rate.value or 0),
            1e-5,
        )
        yield Line(
            f"AlpacaEval {told['model']} standard error",
            float(published["standard_error"]),
            100 * float(found.error or 0),
            1e-5,
        )


def lc_inputs(data: Path) -> dict[str, Any]:
    """What both fits are given; see the docstring of this file."""
    models = {told["model"]: told for told in rows(data / "nc/alpacaeval2_pref_matrix_a.jsonl.gz")}
    baseline = [len(row["meta"]["baseline_output"]) for row in rows(data / "nc/alpacaeval_instructions.jsonl.gz")]
    shares = np.array([[np.nan if s is None else s for s in m["pref_vs_gpt4_1106"]] for m in models.values()])
    clipped = np.clip(shares, 1e-3, 1 - 1e-3)
    hard = np.nanmean(np.log(clipped / (1 - clipped)), axis=0)
    items = [f"item-{k:03d}" for k in range(len(baseline))]
    held: dict[str, list[Any]] = {"item_id": [], "length": [], "share": []}
    for name in GAMED:
        apart = np.array(baseline) - np.array(models[name]["len_model"])
        held["item_id"] += items
        held["length"] += (apart / apart.std(ddof=1)).round(9).tolist()
        held["share"] += models[name]["pref_vs_gpt4_1106"]
    own = {}
    for name, told in models.items():
        there = [k for k, n in enumerate(told["len_model"]) if n is not None and name not in GAMED]
        if there:
            columns = {
                "item_id": items,
                "share": told["pref_vs_gpt4_1106"],
                "chars": told["len_model"],
                "chars_baseline": baseline,
            }
            own[name] = {column: [values[k] for k in there] for column, values in columns.items()}
    difficulty = ((hard - hard.mean()) / hard.std()).round(9).tolist()
    return {"items": items, "difficulty": difficulty, "gamed": held, "models": own}


def controlled(data: Path) -> Iterator[Line]:
    """The length-controlled win rate beside AlpacaEval's own code, in percent."""
    theirs = json.loads((Path(__file__).parent / "results" / "judge_lc_reference.json").read_text())["models"]
    inputs = lc_inputs(data)
    difficulty = pl.DataFrame({"item_id": inputs["items"], "difficulty": inputs["difficulty"]})
    gamed = pl.DataFrame(inputs["gamed"])
    for name, own in inputs["models"].items():
        found = length_controlled(pl.DataFrame(own), difficulty, gamed)
        yield Line(
            f"AlpacaEval's code {name} LC",
            theirs[name]["length_controlled_winrate"],
            100 * float(found.rate.value or 0),
            0.02,
        )


def _share(text: str) -> float:
    """0.81 of "81 / 100 = 81.0%"."""
    above, below = text.split("=")[0].split("/")
    return int(above) / int(below)


def _long(frame: pl.DataFrame, columns: Any, item: str) -> pl.DataFrame:
    parts = [
        frame.select(pl.col(item).alias("item"), pl.lit(c).alias("rater"), pl.col(c).alias("label")) for c in columns
    ]
    return pl.concat(parts)


def main() -> None:
    """Print the table and keep it."""
    asked = argparse.ArgumentParser()
    asked.add_argument("data", type=Path)
    asked.add_argument("--inputs", type=Path)
    given = asked.parse_args()
    if given.inputs:
        given.inputs.write_text(json.dumps(lc_inputs(given.data)))
        return
    groups = {
        "LLMBar, every judge file": list(llmbar(given.data)),
        "PandaLM": list(pandalm(given.data)),
        "AlpacaEval 2, every model given": list(alpacaeval(given.data)),
        "AlpacaEval's length control, equal inputs": list(controlled(given.data)),
    }
    told = []
    for name, lines in groups.items():
        worst = max(lines, key=lambda line: abs(line.ours - line.published))
        passed = sum(line.passes for line in lines)
        told.append(
            [name, f"{passed:,} of {len(lines):,}", f"{abs(worst.ours - worst.published):.2g}", f"{worst.allowed:g}"]
        )
        for line in lines:
            if not line.passes:
                print("FAILS", line)
    print(table(["", "within what is allowed", "largest difference", "allowed there"], told))
    print(table(["", "published", "ours"], [[x.what, f"{x.published:g}", f"{x.ours:.4f}"] for x in groups["PandaLM"]]))
    # of the 967 figures of LLMBar those that do not pass alone: there are none
    kept = {n: [x for x in lines if "LLMBar" not in n or not x.passes] for n, lines in groups.items()}
    compact = {n: [[x.what, x.published, round(x.ours, 9), x.passes] for x in lines] for n, lines in kept.items()}
    save(__file__, {"summary": told, "columns": ["figure", "published", "ours", "passes"], **compact})


if __name__ == "__main__":
    main()
