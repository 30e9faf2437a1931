"""Every suite that is there is used or waits for named work; a test that uses one is not skipped in silence."""

from __future__ import annotations

import pytest

from .suites import DATA, IN_USE, ROOT, WAITING


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no suites at {DATA}")
def test_every_folder_is_in_the_table() -> None:
    assert {path.name for path in DATA.iterdir() if path.is_dir()} == {*IN_USE, *WAITING}


@pytest.mark.parametrize(("name", "path"), IN_USE.items())
def test_a_suite_in_use_is_marked_in_its_test(name: str, path: str) -> None:
    assert f'pytest.mark.suite("{name}")' in (ROOT / path).read_text()


def test_no_suite_is_both_used_and_waiting() -> None:
    assert not IN_USE.keys() & WAITING.keys()
