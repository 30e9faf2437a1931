"""Which version of a code system or value set counts where several are here.

In this order: `force-system-version`, what the value set says, `system-version`, the one that held at `date`, that which the
Scope prefers. https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from resources.operation import Parameters
from resources.outcome import BadRequest, Unprocessable

from .findings import finding
from .scope import CODE_SYSTEM, VALUE_SET, Scope, Tree, matches, split


class Versions(Struct, frozen=True):
    """What a request says of versions: of each by the URL of the code system or value set."""

    system: Mapping[str, str] = {}
    check: Mapping[str, str] = {}
    force: Mapping[str, str] = {}
    value_set_default: Mapping[str, str] = {}
    date: str = ""

    @classmethod
    def of(cls, parameters: Parameters) -> Versions:
        """Reads the parameters, each of which is a canonical URL with a version."""
        if not any(one.name in _NAMES for one in parameters.values):
            return _NOTHING
        return cls(
            _by_url(parameters.all("system-version"), "system-version"),
            _by_url(parameters.all("check-system-version"), "check-system-version"),
            _by_url(parameters.all("force-system-version"), "force-system-version"),
            _by_url(parameters.all("default-valueset-version"), "default-valueset-version"),
            str(parameters.one("date", "")),
        )

    def of_system(self, scope: Scope, url: str, stated: str) -> str:
        """The version of a code system that is to be used, or a pattern of it; "" for that which the Scope prefers."""
        wanted = self.force.get(url) or stated or self.system.get(url, "")
        if not wanted and url in self.check:
            return self.check[url]
        return wanted or (self._dated(scope, CODE_SYSTEM, url) if self.date else "")

    def check_system(self, url: str, version: str, path: str) -> None:
        """Raises Unprocessable if a code system is used in another version than the request wants."""
        wanted = self.check.get(url)
        if wanted is not None and not matches(wanted, version):
            text = (
                f"The version '{version}' is not allowed for system '{url}': "
                f"required to be '{wanted}' by a version-check parameter"
            )
            issue = finding("error", "exception", "version-error", "VALUESET_VERSION_CHECK", text, path)
            raise Unprocessable(issues=[issue])

    def value_set(self, scope: Scope, url: str, version: str) -> Tree | None:
        """A value set by its canonical URL; None if it is not known."""
        version = version or self.value_set_default.get(url, "")
        if not version and self.date:
            version = self._dated(scope, VALUE_SET, url)
        return scope.value_set(url, version)

    def _dated(self, scope: Scope, resource_type: str, url: str) -> str:
        """The latest version that was there at the date; "" if none has a date that early."""
        best = ("", "")
        for version in scope.versions(resource_type, url):
            candidate = scope.find(resource_type, url, version)
            if candidate is None:
                continue
            tree = candidate.tree
            dated = str(tree.get("date", "")) if tree is not None else scope.open(candidate).about.date
            if dated and dated[: len(self.date)] <= self.date[: len(dated)] and (dated, version) > best:
                best = dated, version
        return best[1]


def _by_url(canonicals: Iterable[str], name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for canonical in canonicals:
        url, version = split(canonical)
        if not version:
            raise BadRequest(f"{name} is a canonical URL with a version, system|version; {canonical[:200]!r} has none.")
        found.setdefault(url, version)
    return found


_NAMES: Final = frozenset(
    ("system-version", "check-system-version", "force-system-version", "default-valueset-version", "date")
)
_NOTHING: Final = Versions()
