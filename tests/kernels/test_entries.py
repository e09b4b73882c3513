import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.kernels.entries import entries

KEYS = st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1))


@given(st.integers(1, 6), st.data())
def test_entries_are_by_key_and_name_their_record_and_the_key_after(bands: int, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.lists(KEYS, min_size=bands, max_size=bands), max_size=6))
    rows = [7 * k + 3 for k in range(len(keys))]
    wanted = sorted(
        ((key, row, of[(k + 1) % bands] >> 32) for row, of in zip(rows, keys, strict=True) for k, key in enumerate(of)),
        key=lambda entry: entry[0],
    )
    flat = np.array([key for of in keys for key in of], np.uint64)
    found = entries(np.array(rows, np.uint32), flat, bands)
    assert list(zip(found.key.tolist(), found.row.tolist(), found.near.tolist(), strict=True)) == wanted
