"""PA-8: a narrative never says what a patch has changed."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import Unprocessable
from resources.patch import with_safe_narrative

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Anna</div>'


def patient(status: Any, **content: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "text": {"status": status, "div": DIV}, **content}


def test_pa_8_a_generated_narrative_is_dropped_when_content_changes() -> None:
    after = patient("generated", active=True)
    assert with_safe_narrative(patient("generated"), after) == {"resourceType": "Patient", "id": "p", "active": True}
    assert "text" in after


@pytest.mark.parametrize("status", ["extensions", "additional", "empty", None, 5])
def test_pa_8_any_other_is_refused(status: Any) -> None:
    with pytest.raises(Unprocessable) as caught:
        with_safe_narrative(patient(status), patient(status, active=True))
    assert caught.value.issues[0].expression == ("Patient.text",)


@pytest.mark.parametrize("status", ["generated", "additional"])
def test_pa_8_a_patch_that_changes_the_narrative_too_is_trusted(status: str) -> None:
    before = patient(status)
    new = {**patient(status, active=True), "text": {"status": status, "div": DIV.replace("Anna", "Anna, active")}}
    assert with_safe_narrative(before, new) is new
    without = {name: value for name, value in patient(status, active=True).items() if name != "text"}
    assert with_safe_narrative(before, without) is without
    assert with_safe_narrative(without, new) is new


@pytest.mark.parametrize("status", ["generated", "additional"])
def test_pa_8_what_is_not_shown_may_change(status: str) -> None:
    before = patient(status)
    for after in (patient(status), patient(status, meta={"tag": [{"code": "a"}]})):
        assert with_safe_narrative(before, after) is after
