import gzip
import json
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_clean import RULES, clean

from tamis.curate.clean import Clean
from tamis.curate.markup import without_markup
from tamis.kernels.codepoints import combining
from tamis.schemas import KINDS
from tamis.stage import Stage

DATA = Path(__file__).parents[2] / "../shared/data"
here = pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")

PIECES = [
    *"aAé \t\n\r\x00\x07\x0b\x0c\x85\xa0\xad\u200b\u200d\u2009\u2028\u3000\ufeff\u0301\u0323\u212b\U0001f600中;&<>`",
    *(
        "Ã©",
        "â€™",
        "Ñ‚",
        "&amp;",
        "&lt;b&gt;",
        "&nbsp;",
        "&#39;",
        "&#x200b;",
        "<p>",
        "</p>",
        "<br/>",
        "<b>",
        "</b>",
        "a < b",
    ),
    *("\r\n", "   \n", "\n\n\n", "plain words "),
]
KNOWN = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30)
JUNK = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def cleaned(texts: list[str | None], stage: Stage | None = None) -> tuple[list[str | None], list[list[str]]]:
    """The texts after `stage`, and the rules that changed each."""
    stage = stage or Clean()
    measured = stage.measure(pa.record_batch({"text": pa.array(texts, pa.string())}))
    rules: list[list[str]] = [[] for _ in texts]
    for decision in stage.decide(measured.select(stage.scores.names)).to_pylist():
        rules[decision["row"]] = decision["rule"].split("+")
    return measured.column("text").to_pylist(), rules


def rows(name: str, most: int) -> list[str]:
    raw = (DATA / name).read_bytes()
    text = gzip.decompress(raw) if name.endswith("gz") else zstandard.ZstdDecompressor().stream_reader(raw).read()
    return [json.loads(line)["text"] for line in text.split(b"\n")[:most] if line]


@settings(deadline=None, max_examples=300)
@given(st.lists(JUNK | KNOWN, max_size=6), st.lists(st.sampled_from(list(RULES)), unique=True))
def test_the_gates_miss_nothing(texts: list[str], off: list[str]) -> None:
    on = tuple(rule for rule in RULES if rule not in off)
    got, rules = cleaned(texts, Clean(**{rule: False for rule in off}))
    assert list(zip(got, rules, strict=True)) == [clean(text, on) for text in texts]


@settings(deadline=None, max_examples=300)
@given(st.lists(JUNK | KNOWN, max_size=6))
def test_cleaning_twice_changes_nothing(texts: list[str]) -> None:
    once, _ = cleaned(texts)
    assert cleaned(once) == (once, [[] for _ in texts])


@settings(deadline=None, max_examples=100)
@given(KNOWN, st.sampled_from(["latin-1", "cp1252", "cp1251", "cp1250", "cp437", "mac_roman"]))
def test_the_mojibake_gate_passes_all_that_ftfy_repairs(text: str, encoding: str) -> None:
    garbled = text.encode().decode(encoding, "replace").replace("\n", " ")
    got, _ = cleaned([garbled], Clean(html=False, line_ends=False, control=False, whitespace=False, nfc=False))
    assert got == [ftfy.fix_encoding(garbled)]


@here
@pytest.mark.parametrize(
    ("name", "most"),
    [("nasty/blns.jsonl.gz", 600), ("nasty/ftfy_mojibake_a.jsonl.gz", 100)]
    + [(f"raw/{name}.jsonl.zst", 60) for name in ("fortunes", "sqlite_docs", "dolma_cc_sample", "digitalgov_a")],
)
def test_real_texts_are_cleaned_as_in_plain_python(name: str, most: int) -> None:
    texts = rows(name, most)
    got, rules = cleaned(texts)
    assert list(zip(got, rules, strict=True)) == [clean(text) for text in texts]


def test_a_clean_column_is_handed_back_as_it_came() -> None:
    batch = pa.record_batch({"text": pa.array(["plain\n\tindented  words", "çédille 中文\u200d", ""])})
    got = Clean().measure(batch).column("text")
    assert [buffer.address for buffer in got.buffers()[1:]] == [b.address for b in batch.column("text").buffers()[1:]]


@pytest.mark.parametrize(
    ("text", "repaired", "rules"),
    [
        ("sÃ³\nnaïve café – “q”", "só\nnaïve café – “q”", "mojibake"),
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne", "line_ends"),
        ("a\x00b\ufeff\u200bc\xad\x1b", "abc", "control"),
        ("می\u200cخواهم \u200f👩\u200d🚀", "می\u200cخواهم \u200f👩\u200d🚀", ""),
        ("a \t\n b\xa0c\u3000d\u3000", "a\n b c\u3000d", "whitespace"),
        ("a\n\n\nb\n\n\n\n\nc", "a\n\n\nb\n\nc", "whitespace"),
        ("e\u0301 \u212b", "é Å", "nfc"),
        ("a&nbsp;\n&amp;amp;", "a\n&", "html+whitespace"),
    ],
)
def test_each_rule_does_what_it_says(text: str, repaired: str, rules: str) -> None:
    assert cleaned([text]) == ([repaired], [rules.split("+") if rules else []])


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and c > d: x<T>() # List<p> vector<int> <your name> <T>",
        "`<div class='x'>` and\n```html\n<p>one</p> &amp;\n```\n",
        "git clone <source> <dir>",
        "p = &copy; f(&sum, &x) AT&T a&b=1&copy=2 &unknown; &it;",
        "write &lt;b&gt;bold&lt;/b&gt; for <sup>2</sup>",
        "<3 <-- --> <a@b.org> <https://example.org>",
    ],
)
def test_what_only_looks_like_html_stays(text: str) -> None:
    assert cleaned([text], Clean(whitespace=False)) == ([text], [[]])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<p>Fish &amp; chips<br/>daily</p>", "Fish & chips\ndaily"),
        ("<div class=\"a b\"><a href='#x'>Go</a> <b>now</b></div>", "Go now"),
        ("one<!-- <p>two</p> --><script>let x = '<p>';</script>", "one"),
        ("it&#39;s &quot;5 &euro;&quot; &#8217;", 'it\'s "5 €" ’'),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "\na\nb\n"),
    ],
)
def test_remnants_of_html_go(text: str, left: str) -> None:
    assert without_markup(text) == left


def test_of_a_page_stays_what_a_reader_sees() -> None:
    head = "<!DOCTYPE html><html><head><title>T</title><style>p > a {}</style></head>"
    body = "<body><h1>A\n B</h1><p>c &lt;b&gt; <i>d</i><script>if (a < b) {}</script><pre>x\n  y</pre></body></html>"
    assert without_markup(head + body) == "A B\nc &lt;b&gt; d\nx\n  y"


@pytest.mark.parametrize(
    "piece", ["<", "&", "<!--", "<p ", "<a b='", "`", "&amp;", "``` ", "<script>", "&lt;b", "<p a=b c", "~~~"]
)
def test_hostile_text_is_cleaned_in_linear_time(piece: str) -> None:
    from time import thread_time

    cleaned([piece * 100])
    start = thread_time()
    cleaned([piece * 20_000])
    assert thread_time() - start < 5


def test_every_text_of_every_kind_is_cleaned() -> None:
    messages = [
        [{"role": "user", "content": "a \n", "extra": None}, {"role": "user", "content": None, "extra": "x\r"}],
        [],
    ]
    chat = pa.record_batch({"messages": pa.array(messages, KINDS["chat"].fields[0].type)})
    got = Clean().measure(chat)
    messages[0][0]["content"] = "a\n"
    assert got.column("messages").to_pylist() == messages
    assert got.column("changes").to_pylist() == [16, 0] and got.column("grown").to_pylist() == [-1, 0]


def test_a_row_with_two_damaged_texts_is_decided_once() -> None:
    choices = pa.array([["a\r\nb", "c "], None])
    columns = {"question": pa.array(["q\x00", "q"]), "context": pa.array([None, "x "]), "choices": choices}
    columns |= {"answer_index": pa.nulls(2, pa.int32()), "answer": pa.array(["", None], pa.string())}
    got = Clean().measure(pa.record_batch(columns))
    decided = Clean().decide(got.select(["changes", "grown"])).to_pylist()
    assert [(d["row"], d["rule"], d["value"]) for d in decided] == [
        (0, "line_ends+control+whitespace", -3.0),
        (1, "whitespace", -1.0),
    ]


def test_a_null_stays_null() -> None:
    assert cleaned([None, "a ", None])[0] == [None, "a", None]


def test_the_table_knows_every_character_that_composes() -> None:
    import unicodedata

    ccc = combining()
    known = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000 and unicodedata.category(chr(p)) != "Cn"]
    classes = np.array([unicodedata.combining(chr(p)) for p in known])
    assert ((ccc[known] == classes) | (ccc[known] == 255)).all()
    changed = [p for p in known if not unicodedata.is_normalized("NFC", chr(p))]
    assert (ccc[changed] == 255).all()
