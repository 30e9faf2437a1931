"""The statement of a level of includes: what is read, in which order, and from where on (IN-6). Its plan is in
tests/integration/test_includes.py."""

from __future__ import annotations

from search.levels import BY_KEY, BY_POSTING, BY_URL, Statement, Wanted


def test_in_6_lists_are_read_in_one_order_and_from_a_position_on() -> None:
    asked = Wanted({(5, 0): (7, "a"), (3, 0): (7, "b")}, {}, {(-5, 9), (-5, 2), (-7, 4)})
    assert Statement(asked, None, 10, 1000).lists == {BY_KEY: [(3, 0), (5, 0)], BY_POSTING: [(-7, 4), (-5, 2), (-5, 9)]}
    after_a_key = Statement(asked, (BY_KEY, 3, 0, 0, -1), 10, 1000)
    assert after_a_key.lists == {BY_KEY: [(5, 0)], BY_POSTING: [(-7, 4), (-5, 2), (-5, 9)]}
    within_a_list = Statement(asked, (BY_POSTING, -5, 2, -1000, -8), 10, 1000)
    assert within_a_list.lists == {BY_POSTING: [(-5, 2), (-5, 9)]}
    values = within_a_list.arguments.values
    assert [1000, 2**63 - 1] in values
    assert [8, 2**63 - 1] in values
    assert Statement(Wanted(), None, 10, 1000).text == ""


def test_the_text_depends_on_the_ways_only() -> None:
    key, url, posting = {(5, 0): (7, "a")}, {(1, 7): (2, "http://a.example", {""})}, {(-5, 9)}
    every = Statement(Wanted(key, url, posting), None, 10, 1000)
    again = Statement(Wanted({**key, (6, 0): (8, "b")}, url, {*posting, (-5, 10)}), None, 20, 1000)
    assert every.text == again.text
    assert set(every.lists) == {BY_KEY, BY_URL, BY_POSTING}
    alone = (Wanted(key), Wanted(urls=url), Wanted(postings=posting))
    texts = [Statement(wanted, None, 10, 1000).text for wanted in alone]
    assert len({every.text, *texts}) == 4
    assert "resource_version" not in every.text
    assert "resource_version" in Statement(Wanted({(5, 3): (7, "a")}), None, 10, 1000).text
