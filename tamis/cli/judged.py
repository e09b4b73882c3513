"""What was found of models, raters and judges, as lines for a person to read."""

from __future__ import annotations

from typing import Any

from tamis.cli.show import say

MOST_PAIRS = 6
"""Differences told one by one: those of four models."""


def rated(found: dict[str, Any]) -> None:
    """What `tamis judge rate` found."""
    for own in found.get("scores", []):
        aspect = f" ({own['aspect']})" if own["aspect"] else ""
        say(
            f"{own['model']}{aspect}: mean score {_number(own)} on {own['items']:,} items, {own['unparsed']:,} unparsed"
        )
    if "models" not in found:
        return
    against = f" against {found['baseline']}" if found["baseline"] else ""
    say(f"{found['games']:,} games on {found['items']:,} items, {found['both_orders']:,} judged in both orders")
    if found["unparsed"]:
        say(f"{found['unparsed']:,} judgments without a verdict that could be read")
    width = min(60, max(5, *(len(m["model"]) for m in found["models"])))
    long = any("length_controlled" in m for m in found["models"])
    controlled = f"{'length-controlled':>21}" if long else ""
    say(f"{'model':<{width}}  {'win rate' + against:>26}{controlled}  {'Elo':>22}")
    for m in found["models"]:
        rate = _percent(m["win_rate"]) if m["win_rate"] else "-"
        middle = f"{_percent(m['length_controlled']) if 'length_controlled' in m else '-':>21}" if long else ""
        say(f"{m['model']:<{width}}  {rate:>26}{middle}  {_elo(m['elo']):>22}")
    _lines([f"{m['model']}: {m['elo']['note']}" for m in found["models"] if m["elo"].get("note")])
    _lines(
        [
            f"{m['model']}: length-controlled {m['length_controlled']['warning']}"
            for m in found["models"]
            if m.get("length_controlled", {}).get("warning")
        ]
    )
    apart, distinct = found["separability"]["value"], found["distinct"]["value"]
    if apart is not None:
        few = found["distinct"].get("note")
        say(
            f"{100 * apart:.0f} percent of pairs have intervals apart, {100 * distinct:.0f} percent differ"
            + (f"; but {few}" if few else "")
        )
    _styled(found.get("style", {}))
    _differing(found["differences"])
    _lines(found["notes"])


def _styled(style: dict[str, Any]) -> None:
    """The effects of style; why there is no fit, once."""
    if style.get("note"):
        say(f"style: {style['note']}")
    for name, e in style.get("effects", {}).items():
        if e["low"] is not None:
            say(f"style: {name} {e['value']:+.2f} ({e['low']:+.2f} to {e['high']:+.2f}) log-odds")
        elif e["value"] is None and e["note"] != style["note"]:
            say(f"style: {name}: {e['note']}")
        elif e["value"] is not None:
            say(f"style: {name} {e['value']:+.2f} log-odds; one item alone has no interval")


def _differing(pairs: list[dict[str, Any]]) -> None:
    if len(pairs) > 1:
        lower = sum(one["p_holm"] is not None and one["p_holm"] < 0.05 for one in pairs)
        say(f"win rates compared item by item, p corrected for {len(pairs):,} pairs: below 0.05 for {lower:,}")
    _lines([one["says"] for one in pairs[:MOST_PAIRS]])


def agreed(found: dict[str, Any]) -> None:
    """What `tamis judge agree` found."""
    say(f"{found['labels']:,} labels of {found['items']:,} items by {len(found['raters'])} raters")
    for name in ("raw", "alpha", "fleiss", "ac1", "ac2", "kappa"):
        if name in found:
            say(f"{name:<7} {_number(found[name])}")
    for pair in found["pairs"]:
        say(f"{pair['raters'][0]} and {pair['raters'][1]}: kappa {_number(pair['kappa'])}")
    for own in found.get("against_people", []):
        say(f"{own['judge']} agrees with people: {_number(own['agreement'])}")
        say(f"people agree with each other: {_number(own['ceiling'])}; the gap: {_number(own['gap'])}")
        say(f"{own['judge']} against what most say: {_number(own['accuracy'])}")
        if "win_rate_corrected" in own:
            say(f"win rate of a, as people would have it: {_number(own['win_rate_corrected'])}")
    for own in found.get("slices", []):
        say(f"{own['by']} {own['is']}: {own['items']:,} items, alpha {_number(own['alpha'])}")
        for one in own["raters"]:
            say(f"  {one['rater']} says what the others say: {_number(one['agreement'])}")
    if "passed" in found:
        say(f"alpha must be {found['min_alpha']:g}: {'it is' if found['passed'] else 'it is not'}")


def biased(found: dict[str, Any]) -> None:
    """What `tamis judge bias` found."""
    _lines([one["says"] for one in found["findings"]])
    if "note" in found:
        say(found["note"])


def _lines(lines: list[str]) -> None:
    for line in lines:
        say(line)


def _percent(e: dict[str, Any]) -> str:
    if e["value"] is None:
        return "-"
    ends = "" if e["low"] is None else f" ({100 * e['low']:.1f} to {100 * e['high']:.1f})"
    return f"{100 * e['value']:.1f}{ends}"


def _elo(e: dict[str, Any]) -> str:
    if e["value"] is None:
        return "-"
    low, high = ("…" if end is None else f"{end:.0f}" for end in (e["low"], e["high"]))
    return f"{e['value']:.0f} ({low} to {high})"


def _number(e: dict[str, Any]) -> str:
    if e["value"] is None:
        return f"none: {e['note']}"
    ends = "" if e["low"] is None else f" ({e['low']:.3f} to {e['high']:.3f})"
    return f"{e['value']:.3f}{ends}" + (f"; {e['note']}" if e.get("note") else "")
