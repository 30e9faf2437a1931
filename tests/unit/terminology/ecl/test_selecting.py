"""Filters of concepts and of descriptions, as 6.8 and 6.9 of the guide have it. TX-70"""

from __future__ import annotations

import pytest

from .world import ALL, ROOT, US, A, B, C, D, selected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 6.8
        ('* {{ term = "att heart" }}', {B}),
        ('* {{ term = ("gas" "heart att") }}', {B, D}),
        ('* {{ term = wild:"heart*" }}', {A, B}),
        ('* {{ term = wild:"heart" }}', {A}),
        ('* {{ term = "resume" }}', {C}),
        ('* {{ term = "résumé" }}', {C}),
        ('* {{ term = "résume" }}', {C}),
        ('* {{ term = "heärt" }}', set()),
        ('* {{ term = "sjogren" }}', set()),
        ('* {{ term = "sjogren", active = 0 }}', {D}),
        ('* {{ term = "45.9", active = 0 }}', set()),
        ('* {{ term = "gas" }} {{ term = wild:"*(thing)" }}', {D}),
        ('* {{ term = "heart", type = fsn, dialect = en-us (prefer) }}', set()),
        ('* {{ term = "heart", type = fsn, dialect = en-us (accept) }}', {A, B}),
        (f'* {{{{ term != "heart", dialectId = {US} (prefer) }}}}', {ALL, C, D}),
        (f"* {{{{ id = {A}02 }}}}", {A}),
        (f"* {{{{ D moduleId = {ROOT} }}}}", {ALL, A, B, C, D}),
        # 6.9
        ('* {{ C effectiveTime >= "20200131" }}', {A}),
        ('* {{ C effectiveTime < "20210131" }}', {A}),
        ('<< 1000003 {{ C effectiveTime = "" }}', {B, C}),
    ],
)
def test_guide(text: str, expected: set[str]) -> None:
    assert selected(text) == expected
