"""Concepts by their attributes, as 6.2 to 6.5 of the guide have it. TX-70, TX-71"""

from __future__ import annotations

import pytest

from .world import ALL, BRAND, DOSE, NAME, SUBNAME, A, B, C, D, selected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 6.2
        (f"* : {NAME} = << {B}", {B}),
        (f"* : {NAME} = *", {B, C, D}),
        (f"* : << {NAME} = {D}", {C, D}),
        (f"* : {SUBNAME} = {D}", {C}),
        (f"< {A} . {NAME}", {A, B, D}),
        (f"* : R {NAME} = {C}", {A, D}),
        (f"* : 116680003 = {ALL}", {A, D}),
        (f"{B} . 116680003 . 116680003", {ALL}),
        (f"* : * = {A}", {B, C}),  # is-a is no attribute unless it is named itself
        # 6.2, concrete values: texts exactly, numbers by their value
        (f"* : {DOSE} = #5", {A}),
        (f"* : {DOSE} > #5.00", {B}),
        (f"* : {DOSE} != #5", {B}),
        (f'* : {BRAND} = "PanaDol"', {A}),
        (f'* : {BRAND} = "panadol"', set()),
        (f'* : {BRAND} = wild:"pan*l"', {A}),
        (f'* : {BRAND} = match:"pana"', {A}),
        # 6.3: what is redundant is not counted, be it in one group or in several
        (f"* : [1..1] {NAME} = *", {B, D}),
        (f"* : [2..*] {NAME} = *", {C}),
        (f"* : {{ [2..*] {NAME} = * }}", set()),
        (f"* : {{ {NAME} = *, {SUBNAME} = * }}", {C}),
        (f"* : {{ {NAME} = {A}, {SUBNAME} = * }}", set()),
        (f"* : {{ {NAME} = {D} }}", {C}),  # group 0 is none
        (f"* : [2..2] {{ {NAME} = * }}", {C}),
        (f"<< {ALL} : [0..0] {{ {NAME} = * }}", {ALL, A, D}),
        (f"* : [2..2] R {NAME} = *", {A, D}),
        # 6.5
        (f"* : {NAME} != << {A}", {C, D}),
        (f"<< {ALL} : [0..0] {NAME} = << {A}", {ALL, A, D}),
        (f"<< {ALL} : [0..0] {NAME} != << {A}", {ALL, A, B}),
        (f"<< {ALL} : [0..0] {NAME} != << {A}, {NAME} = *", {B}),
    ],
)
def test_guide(text: str, expected: set[str]) -> None:
    assert selected(text) == expected
