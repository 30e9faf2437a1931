from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resources.profiles.matching import every, some, titled

verdicts = st.lists(st.sampled_from([True, False, None]))


@given(verdicts)
def test_every_and_some_are_the_logic_of_three_values(found: list[bool | None]) -> None:
    assert every(found) is (False if False in found else None if None in found else True)
    assert some(found) is (True if True in found else None if None in found else False)
    mirrored = some(None if one is None else not one for one in found)
    assert every(found) is (None if mirrored is None else not mirrored)


def test_a_path_is_titled() -> None:
    assert titled("$this") == "the element"
    assert titled("code.coding") == "code.coding"
