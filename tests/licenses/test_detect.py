import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.licenses.detect import MOST, detect, detected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# SPDX-License-Identifier: MIT\n", ["MIT"]),
        ("/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */", ["GPL-2.0-only OR MIT"]),
        ("SPDX-License-Identifier: Apache-2.0 and more words follow", ["Apache-2.0"]),
        ("see http://CreativeCommons.org/licenses/BY-NC/4.0/deed.de.", ["CC-BY-NC-4.0"]),
        ("creativecommons.org/publicdomain/zero/1.0/ SPDX-License-Identifier: ISC", ["CC0-1.0", "ISC"]),
        ("MIT and https://creativecommons.org/about", []),
        ("SPDX-License-Identifier: whatever", []),
        ("", []),
    ],
)
def test_a_text_names_its_licence(text: str, found: list[str]) -> None:
    assert detected(text) == found


@given(
    st.lists(
        st.none() | st.sampled_from(["SPDX-License-Identifier: MIT", "x", "a CREATIVECOMMONS.org/licenses/by/4.0/"])
    )
)
def test_a_column_is_each_of_its_texts(texts: list[str | None]) -> None:
    assert detect(pa.array(texts, pa.string())) == {k: f for k, t in enumerate(texts) if t and (f := detected(t))}


def test_a_list_of_licences_is_cut_short() -> None:
    text = "".join(f"SPDX-License-Identifier: LicenseRef-{k}\n" for k in range(99))
    assert len(detected(text)) == MOST
