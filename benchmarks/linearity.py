"""What `near` costs at one, three and ten times the corpus: CPU seconds, peak memory, and the exponent of growth.

Copies share no word with each other (near_corpus.copies says how they are made), so the work is that of a larger corpus and
not of one that is more alike: three times the input keeps three times the records. The exponent is the slope of a line
through the logarithms by least squares: 1 is linear; with the start (a run over 20 documents) taken off, and as it stands.

    python benchmarks/linearity.py                    1, 3 and 10 times, and 10 times with --memory 1GB
    python benchmarks/linearity.py --sizes 1 3        smaller (ten times takes 2.9 GB of cache, removed again)
"""

from __future__ import annotations

import json
import math
import shutil
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure
import near
import near_corpus

THRESHOLD = 0.8

MEMORY, MEMORY_BYTES = "1GB", 1_000_000_000
"""The budget that the largest corpus must finish in."""


def main() -> None:
    """Measure, check that copies do not meet, print the table, draw the plot, save the figures."""
    parser = near_corpus.options(__doc__ or "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    out = told.cache / "linearity"
    once(told, corpus.jsonl(told.corpus, told.cache), out)  # kernels are compiled once for a machine
    start = measure.medians([once(told, near_corpus.mini(told, near.START), out) for _ in range(told.rounds)])
    found: dict[int, dict[str, Any]] = {}
    for size in told.sizes:
        lines = near_corpus.copies(told, size)
        found[size] = facts(measure.alternate({f"{size} times": partial(once, told, lines, out)}, told.rounds), out)
        if size == max(told.sizes):
            bounded = {f"{size} times in {MEMORY}": partial(once, told, lines, out, "--memory", MEMORY)}
            within = facts(measure.alternate(bounded, told.rounds), out)
        if size > 1:
            lines.unlink()
    shutil.rmtree(out)
    least = found[min(found)]
    for f in found.values():
        f["kept_by_documents"] = round(f["kept"] / f["documents"], 5)
        f["growth"] = {what: round(f[what] / least[what], 3) for what in ("documents", "cpu", "pss")}
    documents = [f["documents"] for f in found.values()]
    exponents = {
        "with start": slope(documents, [f["cpu"] for f in found.values()]),
        "start taken off": slope(documents, [f["cpu"] - start["cpu"] for f in found.values()]),
        "peak": slope(documents, [f["pss"] for f in found.values()]),
    }
    rows = [[f"{size} times", *row(f)] for size, f in found.items()]
    rows.append([f"{max(found)} times in {MEMORY}", *row(within)])
    print(measure.table(["", "documents", "kept", "CPU s", "wall s", "documents / CPU s", "peak MB"], rows))
    print(f"\nexponents: {exponents}")
    kept = {f["kept_by_documents"] for f in found.values()}
    print(
        f"{max(found)} times within {MEMORY}: {within['pss'] <= MEMORY_BYTES}; share kept at each size: {sorted(kept)}"
    )
    saved = {"threshold": THRESHOLD, "workers": told.workers, "start": start, "exponents": exponents}
    measure.save(__file__, {**saved, "sizes": found, "within": {"memory": MEMORY, **within}})
    path = Path(__file__).parent / "results" / "linearity.svg"
    path.write_text(plot([f["documents"] for f in found.values()], found, exponents))


def once(told: Namespace, lines: Path, out: Path, *options: str) -> measure.Spent:
    """One run of near."""
    return near.ours(told, THRESHOLD, lines, out, *options)


def facts(rounds: dict[str, list[measure.Spent]], out: Path) -> dict[str, Any]:
    """The medians of the one thing measured, and the books of its last run."""
    (spent,) = rounds.values()
    rows = json.loads((out / "run.json").read_bytes())["rows"]
    return {**measure.medians(spent), "documents": rows["in"], "kept": rows["kept"]}


def row(f: dict[str, Any]) -> list[str]:
    """The cells of one size."""
    rate = f["documents"] / f["cpu"]
    counts = [f"{f['documents']:,}", f"{f['kept']:,}"]
    return [*counts, f"{f['cpu']:.1f}", f"{f['wall']:.1f}", f"{rate:,.0f}", f"{f['pss'] / 1e6:.0f}"]


def slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Of log y on log x by least squares; None for a single point."""
    a, b = [math.log(v) for v in x], [math.log(v) for v in y]
    middle = sum(a) / len(a)
    spread = sum((v - middle) ** 2 for v in a)
    return round(sum((v - middle) * w for v, w in zip(a, b, strict=True)) / spread, 3) if spread else None


WIDTH, HEIGHT, MARGIN = 320, 240, 46
"""Of one panel, and the room around its axes, in pixels."""


def plot(documents: Sequence[int], found: dict[int, dict[str, Any]], exponents: dict[str, Any]) -> str:
    """Two panels with logarithmic axes, CPU seconds and peak memory by documents, as SVG; dashes show linear growth."""
    panels = {
        "CPU seconds": ([f["cpu"] for f in found.values()], exponents["with start"]),
        "peak MB": ([f["held"] / 1e6 for f in found.values()], exponents["peak"]),
    }
    drawn = [panel(k, name, documents, values, power) for k, (name, (values, power)) in enumerate(panels.items())]
    size = f'width="{len(panels) * WIDTH}" height="{HEIGHT}" viewBox="0 0 {len(panels) * WIDTH} {HEIGHT}"'
    style = 'font-family="sans-serif" font-size="11" fill="#333"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{ground}\n' + "\n".join(drawn) + "\n</svg>\n"


def panel(number: int, name: str, x: Sequence[float], y: Sequence[float], power: float | None) -> str:
    """One panel of the plot."""
    low, high = math.log10(min(x)), math.log10(max(x))
    bottom, top = math.floor(math.log10(min(y))), math.ceil(math.log10(max(y)) + 1e-9)

    def place(a: float, b: float) -> tuple[float, float]:
        across = (math.log10(a) - low) / (high - low or 1)
        up = (math.log10(b) - bottom) / (top - bottom)
        left, room, tall = number * WIDTH + MARGIN, WIDTH - 1.6 * MARGIN, HEIGHT - 2 * MARGIN
        return round(left + room * across, 1), round(HEIGHT - MARGIN - tall * up, 1)

    def line(points: list[tuple[float, float]], style: str) -> str:
        return f'<polyline fill="none" points="{" ".join(f"{a},{b}" for a, b in points)}" {style}/>'

    def text(at: tuple[float, float], words: str, anchor: str = "middle") -> str:
        return f'<text x="{at[0]}" y="{at[1]}" text-anchor="{anchor}">{words}</text>'

    floor, roof = 10.0**bottom, 10.0**top
    corner, right = place(min(x), floor), place(max(x), floor)
    steep = min(max(x) / min(x), roof / y[0])  # the dashes end where the panel does
    parts = [
        line([place(min(x), roof), corner, right], 'stroke="#999"'),
        line([place(x[0], y[0]), place(x[0] * steep, y[0] * steep)], 'stroke="#bbb" stroke-dasharray="4 3"'),
        line([place(a, b) for a, b in zip(x, y, strict=True)], 'stroke="#1f5fa8" stroke-width="2"'),
    ]
    for a, b in zip(x, y, strict=True):
        at = place(a, b)
        parts.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="3" fill="#1f5fa8"/>')
        says = f"{b:,.0f}" if b >= 10 else f"{b:.1f}"
        parts.append(text((at[0] + 5 * (a == x[0]), at[1] - 7), says, "start" if a == x[0] else "middle"))
        parts.append(text((at[0], corner[1] + 14), f"{a / 1000:,.0f}k"))
    for k in range(bottom, top + 1):
        parts.append(text((corner[0] - 5, place(min(x), 10.0**k)[1] + 4), f"{10**k:,}", "end"))
    heading = f"{name} by documents" + (f", exponent {power:.2f}" if power is not None else "")
    parts.append(text((number * WIDTH + WIDTH / 2, 20), heading))
    return "\n".join(parts)


if __name__ == "__main__":
    main()
