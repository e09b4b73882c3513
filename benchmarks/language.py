"""Language of texts: how often right, and how many a CPU second, beside the detectors alone.

    python benchmarks/language.py ../shared/data/langid
    PYTHONPATH=/folder/with/lingua python benchmarks/language.py ../shared/data/langid      and lingua, where it is installed

Sets: 11,250 sentences of 75 languages (Lingua's own), 477 manual pages in 12, and of the Declaration of Human Rights those
versions whose language has a two-letter code, as a whole and cut into pieces of 200 characters. An answer is right where
its code is the one of the set; Bokmål counts as Norwegian. `29` are the 29 languages with most text on the web. `as en`:
texts in other languages that are called English. Every detector is asked about the same first 500 characters; CPU seconds
are the median of three rounds in turn, in this process, its model read before.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
import pyarrow as pa
import zstandard

from tamis.curate.language import Language
from tamis.curate.language.detectors import CODES, Method

MAJOR = set("ar bg cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv th tr uk vi zh".split())  # noqa: SIM905
TO_ISO = {"nb": "no", "nob": "no", "pt-br": "pt"}
UDHR = dict(
    pair.split(":")
    for pair in """
    afr:af arb:ar bel:be ben:bn bos_latn:bs bul:bg cat:ca ces:cs cmn_hans:zh cmn_hant:zh cym:cy dan:da deu:de
    ell_monotonic:el eng:en epo:eo est:et eus:eu fin:fi fra:fr gle:ga guj:gu heb:he hin:hi hrv:hr hun:hu hye:hy ind:id
    isl:is ita:it jpn:ja kat:ka kaz:kk kor:ko lat:la lav:lv lit:lt lug:lg mar:mr mkd:mk khk:mn nld:nl nob:no nno:nn
    pan:pa pes_1:fa pol:pl por_BR:pt por_PT:pt ron:ro rus:ru slk:sk slv:sl sna:sn som:so sot:st spa:es srp_cyrl:sr
    swe:sv swh:sw tam:ta tgl:tl tha:th tur:tr ukr:uk urd:ur vie:vi xho:xh yor:yo zul:zu azj_latn:az als:sq
    """.split()  # noqa: SIM905
)
CHARS, ROUNDS = 500, 3

Told = list[tuple[str, float]]


def texts(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one file."""
    with zstandard.open(folder / f"{name}.jsonl.zst", "rb") as file:
        return [json.loads(line) for line in io.TextIOWrapper(file, "utf-8", newline="\n")]


def sets(folder: Path) -> dict[str, tuple[list[str], np.ndarray]]:
    """Texts and codes by name."""
    found = {}
    for name, title in (("lingua_sentences_a", "sentences"), ("manpages_12lang", "manual pages")):
        rows = texts(folder, name)
        found[title] = [r["text"] for r in rows], [TO_ISO.get(r["lang"], r["lang"]) for r in rows]
    whole = [(r["text"], UDHR[r["lang"]]) for r in texts(folder, "udhr2") if r["lang"] in UDHR]
    found["rights, whole"] = [text for text, _ in whole], [code for _, code in whole]
    pieces = [(text[k : k + 200], code) for text, code in whole for k in range(600, 8000, 200) if len(text) > k + 200]
    found["rights, 200 characters"] = [text for text, _ in pieces], [code for _, code in pieces]
    return {title: (own, np.array(codes)) for title, (own, codes) in found.items()}


def by_tamis(method: Method, **params: Any) -> Callable[[list[str]], Told]:
    """The stage."""
    stage = Language(method=method, min_letters=1, **params)

    def ask(own: list[str]) -> Told:
        told = stage.measure(pa.record_batch({"text": own}))
        return list(zip(told.column("language").to_pylist(), told.column("confidence").to_pylist(), strict=True))

    return ask


def by_py3langid() -> Callable[[list[str]], Told]:
    """py3langid as its users call it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    known = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return lambda own: [known.classify(text[:CHARS]) for text in own]


def by_pycld2() -> Callable[[list[str]], Told]:
    """CLD2 as its users call it: what it refuses is asked again without controls."""
    import pycld2

    def ask(text: str) -> tuple[str, float]:
        try:
            _, _, parts = pycld2.detect(text, isPlainText=True)
        except pycld2.error:
            _, _, parts = pycld2.detect("".join(c for c in text if c.isprintable()), isPlainText=True)
        return {"iw": "he", "jw": "jv"}.get(parts[0][1], parts[0][1]), parts[0][2] / 100

    return lambda own: [ask(text[:CHARS]) for text in own]


def by_lingua() -> Callable[[list[str]], Told]:
    """lingua with all its languages, at its high accuracy."""
    from lingua import LanguageDetectorBuilder

    known = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def ask(text: str) -> tuple[str, float]:
        found = known.detect_language_of(text)
        code = found.iso_code_639_1.name.lower() if found else "und"
        return TO_ISO.get(code, code), 1.0

    return lambda own: [ask(text[:CHARS]) for text in own]


def scored(told: Told, codes: np.ndarray) -> dict[str, float]:
    """Shares that are right, and how many are wrongly called English."""
    answers = np.array([code.partition("-")[0] for code, _ in told])
    sure = np.array([confidence >= 0.5 for _, confidence in told])
    right = answers == codes
    major = np.isin(codes, sorted(MAJOR))
    return {
        "right": float(right.mean()),
        "right_of_29": float(right[major].mean()),
        "as_en": int(((answers == "en") & (codes != "en")).sum()),
        "sure": float(sure.mean()),
        "right_if_sure": float(right[sure].mean()) if sure.any() else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    data = sets(parser.parse_args().folder)
    asked: dict[str, Callable[[list[str]], Told]] = {
        "tamis, py3langid": by_tamis("py3langid"),
        "tamis, py3langid, 4 windows": by_tamis("py3langid", windows=4),
        "tamis, cld2": by_tamis("cld2"),
        "py3langid 0.4 alone": by_py3langid(),
        "pycld2 0.42 alone": by_pycld2(),
    }
    try:
        asked["lingua 2.1.1"] = by_lingua()
    except ImportError:
        print("lingua is not installed: left out")
    facts: dict[str, Any] = {"languages": {method: len(codes) for method, codes in CODES.items()}}
    for title, (own, codes) in data.items():
        spent: dict[str, list[float]] = {name: [] for name in asked}
        told: dict[str, Told] = {}
        for ask in asked.values():
            ask(own[:2])
        for _ in range(ROUNDS):
            for name, ask in asked.items():
                if name.startswith("lingua") and spent[name]:
                    continue
                started = time.process_time()
                told[name] = ask(own)
                spent[name].append(time.process_time() - started)
        same = np.mean(
            [a[0] == b[0] for a, b in zip(told["tamis, py3langid"], told["py3langid 0.4 alone"], strict=True)]
        )
        facts[title] = {"texts": len(own), "same_as_py3langid": float(same)}
        rows = []
        for name in asked:
            score = scored(told[name], codes)
            rate = len(own) / statistics.median(spent[name])
            facts[title][name] = {**score, "texts_per_cpu_second": round(rate)}
            sure = [f"{score['sure']:.3f}", f"{score['right_if_sure']:.3f}"] if "lingua" not in name else ["", ""]
            shares = [f"{score['right']:.3f}", f"{score['right_of_29']:.3f}", f"{score['as_en']:,}"]
            rows.append([name, *shares, *sure, f"{rate:,.0f}"])
        head = [f"{title}, {len(own):,}", "right", "of 29", "as en", "sure", "right if sure", "texts per CPU s"]
        print("\n" + measure.table(head, rows) + f"\n\nthe same answer as py3langid: {same:.5f}")
    measure.save(__file__, facts)


if __name__ == "__main__":
    main()
