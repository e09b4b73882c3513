import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.curate.license import License, ranks
from tamis.errors import UsageError
from tamis.licenses import spdx
from tamis.licenses.spdx import canonical, permissiveness

IDS = ["MIT", "Apache-2.0", "GPL-3.0-only", "CC-BY-NC-4.0", "LicenseRef-mine"]
TREES = st.recursive(
    st.sampled_from(IDS),
    lambda part: st.tuples(st.sampled_from(["AND", "OR"]), part, part),
    max_leaves=6,
)


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def naive(tree: Any, leaf: Any) -> Any:
    if isinstance(tree, str):
        return leaf(tree)
    return (max if tree[0] == "OR" else min)(naive(tree[1], leaf), naive(tree[2], leaf))


def judged(licenses: list[str | None], **params: Any) -> list[str | None]:
    """The rule under which each row goes, or None."""
    stage = License(**params)
    measured = stage.measure(pa.record_batch({"license": pa.array(licenses, pa.string())}))
    rules: list[str | None] = [None] * len(licenses)
    for decision in stage.decide(measured.select(stage.scores.names)).to_pylist():
        rules[decision["row"]] = decision["rule"]
    return rules


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("The MIT Licence", "MIT"),
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("cc by 4.0", "CC-BY-4.0"),
        ("CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-nc/4.0/legalcode", "CC-BY-NC-4.0"),
        ("http://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only"),
        ("odc-by", "ODC-By-1.0"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("GPLv2+", "GPL-2.0-or-later"),
        ("GPL v3 or later OR MIT", "GPL-3.0-or-later OR MIT"),
        ("GPL-2", "GPL-2.0-only"),
        ("psf", "PSF-2.0"),
        ("cdla-permissive-2.0", "CDLA-Permissive-2.0"),
        ("openrail", "LicenseRef-OpenRAIL"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("License :: OSI Approved :: Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
        ("ISC License (ISCL)", "ISC"),
        ("MIT License (GPL-3.0)", None),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("apache 2.0 or mit license", "Apache-2.0 OR MIT"),
        ("gpl-2.0+ with classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("LicenseRef-mine", "LicenseRef-mine"),
        *(
            (text, None)
            for text in ("other", "unknown", "bsd", "cc-by", "NOASSERTION", "MIT, GPL", "MIT OR", "()", "x" * 501)
        ),
        *(
            (text, None)
            for text in ("Classpath-exception-2.0", "MIT WITH nothing", "MIT AND something", "LicenseRef-a/b")
        ),
    ],
)
def test_a_licence_is_written_as_spdx_writes_it(declared: str, expression: str | None) -> None:
    assert canonical(declared) == expression


@pytest.mark.parametrize("row", spdx._table("aliases.csv"), ids=lambda row: row["alias"])
def test_every_alias_is_found_and_leads_to_a_licence(row: dict[str, str]) -> None:
    assert canonical(row["alias"]) == row["license"] == canonical(row["license"])


@settings(deadline=None, max_examples=300)
@given(
    st.text() | st.lists(st.sampled_from(["MIT", "gpl 3", " OR ", " and ", " with ", "(", ")", "/", " "])).map("".join)
)
def test_any_text_has_a_licence_or_none_and_writing_it_twice_changes_nothing(declared: str) -> None:
    once = canonical(declared)
    assert once is None or canonical(once) == once


@settings(deadline=None, max_examples=100)
@given(TREES)
def test_a_choice_is_as_free_as_its_best_part_and_a_sum_as_its_worst(tree: Any) -> None:
    of = {"MIT": 5, "Apache-2.0": 5, "GPL-3.0-only": 3, "CC-BY-NC-4.0": 1, "LicenseRef-mine": 0}
    assert permissiveness(written(tree)) == naive(tree, of.__getitem__)


@settings(deadline=None, max_examples=100)
@given(TREES)
def test_an_expression_is_judged_part_by_part(tree: Any) -> None:
    of = {"MIT": 3, "Apache-2.0": 1, "GPL-3.0-only": 1, "CC-BY-NC-4.0": 0, "LicenseRef-mine": 2}
    rule = ["denied", "not_allowed", "unknown", None][naive(tree, of.__getitem__)]
    assert judged([written(tree)], allow=["mit"], deny=["*-NC-*"]) == [rule]


def test_without_allow_everything_known_and_not_denied_stays() -> None:
    licenses = ["MIT", "GPL-3.0-only", "CC-BY-NC-4.0", "LicenseRef-x", "who knows", None, " "]
    rules = [None, None, "denied", "unknown", "unknown", "missing", "missing"]
    assert judged(licenses, deny=["CC-BY-NC-4.0"]) == rules


def test_unknown_and_missing_can_be_kept() -> None:
    assert judged(["x", None, "MIT"], unknown="keep", missing="keep", allow=["MIT"]) == [None, None, None]


def test_a_licence_of_ones_own_can_be_allowed() -> None:
    assert judged(["LicenseRef-mine", "licenseref-other"], allow=["LicenseRef-mine"]) == [None, "unknown"]


def test_an_exception_is_allowed_where_its_licence_is() -> None:
    licence = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert judged([licence], allow=["GPL-2.0-only"]) == [None]
    assert judged([licence], deny=["GPL-2.0-only"]) == ["denied"]
    assert judged([licence], allow=[licence], deny=["GPL-2.0-only"]) == [None]


def test_the_licence_column_is_rewritten_and_what_was_declared_kept() -> None:
    got = License().measure(pa.record_batch({"license": pa.array(["mit", "MIT", "who knows", None])}))
    assert got.to_pydict() == {
        "license": ["MIT", "MIT", "who knows", None],
        "expression": ["MIT", "MIT", "who knows", None],
        "declared": ["mit", None, None, None],
    }


def test_a_decision_names_the_licence() -> None:
    stage = License(deny=("GPL-*",))
    got = stage.decide(stage.measure(pa.record_batch({"license": pa.array(["MIT", "gpl-3.0"])}))).to_pylist()
    assert [(d["row"], d["rule"], json.loads(d["evidence"])) for d in got] == [
        (1, "denied", {"license": "GPL-3.0-only"})
    ]


def test_every_rule_decided_by_is_declared() -> None:
    stage = License(unknown="keep", allow=("MIT",))
    got = stage.decide(stage.measure(pa.record_batch({"license": pa.array(["x", None, "ISC", "MIT"])})))
    assert set(got.column("rule").dictionary.to_pylist()) <= {rule.id for rule in stage.rules}


def test_licences_rank_from_free_to_unknown() -> None:
    licenses = ["CC0-1.0", "MIT", "MPL-2.0", "CC-BY-SA-4.0", "openrail", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "x", None]
    assert ranks(pa.array(licenses)).tolist() == [6, 5, 4, 3, 2, 1, 1, 0, 0]


@pytest.mark.parametrize("id", ["BSD-Protection", "Linux-man-pages-copyleft", "CC-BY-SA-4.0", "GPL-2.0-only"])
def test_copyleft_under_a_permissive_name_is_copyleft(id: str) -> None:
    assert permissiveness(id) == spdx.STRONG_COPYLEFT


@pytest.mark.parametrize("params", [{"allow": ["nobody's"]}, {"deny": ["MIT OR ISC"]}, {"unknown": "maybe"}])
def test_a_policy_that_cannot_be_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"license: (allow|deny) has|it can be quarantine, drop, keep"):
        License(**params)


def test_each_licence_is_read_once_not_each_row() -> None:
    spdx.parse.cache_clear()
    License().measure(pa.record_batch({"license": pa.array(["MIT", "ISC"] * 5000)}))
    assert spdx.parse.cache_info().misses <= 4
