"""Places in a result: what a page link carries, sealed so that it shows no search value and serves its tenant only.

https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resources.outcome import BadRequest

_NONCE: Final = 12  # bytes
_INVALID: Final = "This link to a page (_page, _includes) is not valid here."


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins, and the search it belongs to."""

    query: str  # the whole search as a query string
    keys: tuple[int | str | None, ...] = ()  # of the last resource shown: what it is sorted by …
    s: int = 0  # … its primary date …
    rid: int = 0  # … and itself; 0: from the beginning
    backward: bool = False  # the page before that resource
    inside: bool = False  # among contained resources, where both are searched


Sealed = TypeVar("Sealed", bound=msgspec.Struct)


class Seal:
    """Seals and opens places under a key that follows from the database's own."""

    def __init__(self, hash_: Callable[..., int]) -> None:
        parts = (hash_("key of page links", str(n)).to_bytes(8, "big", signed=True) for n in range(4))
        self._cipher = AESGCM(b"".join(parts))

    def close(self, place: msgspec.Struct, *bound_to: str) -> str:
        """The place as text for a URL; it opens only when bound to the same things: tenant, actor, path."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(place), "\x1f".join(bound_to).encode())
        return _text(sealed)

    def open(self, text: str, kind: type[Sealed], *bound_to: str) -> Sealed:
        """Raises BadRequest for a link that was changed, or made for somebody else."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            plain = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], "\x1f".join(bound_to).encode())
        except (binascii.Error, InvalidTag, ValueError):
            raise BadRequest(_INVALID, code="value") from None
        if _text(sealed) != text:  # the last character has bits to spare
            raise BadRequest(_INVALID, code="value")
        try:
            return msgspec.msgpack.decode(plain, type=kind)
        except msgspec.ValidationError:  # of another kind of link
            raise BadRequest(_INVALID, code="value") from None


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
