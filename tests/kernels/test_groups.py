from __future__ import annotations

import numpy as np
import twins
from hypothesis import given
from hypothesis import strategies as st

from harnesslab_kernels.groups import sum_rows

a_row = st.tuples(st.integers(-1, 3), st.lists(st.integers(-9, 2**31 - 1), min_size=2, max_size=2))


@given(st.lists(a_row, max_size=12))
def test_rows_are_added_up_by_group(rows):
    values = np.array([v for _, v in rows], dtype=np.int32).reshape(-1, 2)
    group = np.array([g for g, _ in rows], dtype=np.int64)
    assert sum_rows(values, group, 4).tolist() == twins.sum_rows([v for _, v in rows], group.tolist(), 4)
