"""MIME types: TK-7."""

from __future__ import annotations

import pytest

from ..parameter_of import condition_of, index_of, meets


@pytest.mark.parametrize(
    ("stored", "criterion", "found"),
    [
        ("text/xml; charset=UTF-8", "below=text/xml", True), ("text/xml", "below=text/xml", True),
        ("text/xml;charset=utf-8", "below=Text/XML; charset=UTF-8", True), ("text/xml2", "below=text/xml", False),
        ("text/xml", "below=text/xml; charset=UTF-8", False), ("image/png", "below=image", True),
        ("image/png", "below=text", False), ("text/xml", "above=text/xml; charset=UTF-8", True),
        ("text/xml; charset=UTF-8", "above=text/xml; charset=UTF-8", True), ("text/xml", "above=text", False),
    ],
)  # fmt: skip
def test_tk7_mime_types_by_their_base_part(stored: str, criterion: str, found: bool) -> None:
    documents = {"content": [{"attachment": {"contentType": stored}}]}
    rows = index_of("DocumentReference", documents)
    assert meets(condition_of("DocumentReference", f"contenttype:{criterion}"), rows) is found
    subscribed = index_of("Subscription", {"channel": {"payload": stored}})
    assert meets(condition_of("Subscription", f"payload:{criterion}"), subscribed) is found
