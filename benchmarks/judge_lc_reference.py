"""What AlpacaEval's own code gives for the inputs of benchmarks/judge_truth.py, as results/judge_lc_reference.json.

    git clone https://github.com/tatsu-lab/alpaca_eval
    PEER/bin/pip install scikit-learn==1.5.2 pandas patsy huggingface_hub
    PEER/bin/python benchmarks/judge_lc_reference.py alpaca_eval/src/alpaca_eval/metrics/glm_winrate.py inputs.json

`inputs.json` comes of `python benchmarks/judge_truth.py DATA --inputs inputs.json`. Its two files on Hugging Face, the gamed
answers and the difficulties, are taken from there instead: the fit is theirs, line by line, on inputs that are equal to ours.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd


def theirs(path: Path) -> Any:
    """The module `path` with the package around it stood in for: the file imports four names of it, and fits with none."""
    package, metrics = types.ModuleType("alpaca_eval"), types.ModuleType("alpaca_eval.metrics")
    constants, kinds, utils = (types.ModuleType(f"alpaca_eval.{name}") for name in ("constants", "types", "utils"))
    winrate = types.ModuleType("alpaca_eval.metrics.winrate")
    constants.DATASETS_TOKEN = constants.DATASETS_FORCE_DOWNLOAD = constants.DEFAULT_CACHE_DIR = None
    kinds.AnyLoadableDF = Any
    utils.convert_to_dataframe = pd.DataFrame
    winrate.get_winrate = lambda rows: {
        "win_rate": (pd.DataFrame(rows)["preference"].replace({0.0: 1.5}) - 1).mean() * 100
    }
    package.constants, package.types, package.utils = constants, kinds, utils
    package.__path__, metrics.__path__ = [], []
    for module in (package, metrics, constants, kinds, utils, winrate):
        sys.modules[module.__name__] = module
    spec = importlib.util.spec_from_file_location("alpaca_eval.metrics.glm_winrate", path)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def main(code: Path, given: Path) -> None:
    """Fit every model of the inputs."""
    inputs = json.loads(given.read_text())
    place = {item: k for k, item in enumerate(inputs["items"])}
    gamed = pd.DataFrame(
        {
            "model": "gamed",
            "index": [place[item] for item in inputs["gamed"]["item_id"]],
            "preference": inputs["gamed"]["share"],
            "std_delta_len": inputs["gamed"]["length"],
            "instruction_difficulty": [inputs["difficulty"][place[item]] for item in inputs["gamed"]["item_id"]],
            "not_gamed_baseline": False,
        }
    )
    gamed.to_csv(given.with_suffix(".csv"), index=False)
    module = theirs(code)
    module.hf_hub_download = lambda **_: str(given.with_suffix(".csv"))
    out = {}
    for model, own in inputs["models"].items():
        rows = pd.DataFrame(
            {
                "preference": [None if s is None else 1 + s for s in own["share"]],
                "output_1": ["x" * n for n in own["chars_baseline"]],
                "output_2": ["x" * n for n in own["chars"]],
                "generator_1": "baseline",
                "generator_2": model,
                "annotator": "judge",
            },
            index=[place[item] for item in own["item_id"]],  # by item: they take the position among the rows
        )
        rows["preference"] = rows["preference"].astype(float)
        found = module.get_length_controlled_winrate(rows, save_weights_dir=None)
        out[model] = {name: found[name] for name in ("length_controlled_winrate", "lc_standard_error")}
    made = {name: version(name) for name in ("scikit-learn", "numpy", "pandas", "patsy")}
    where = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).parent / "results" / "judge_lc_reference.json"
    where.write_text(json.dumps({"made_with": made, "models": out}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
