"""What a tenant asks of resources that are written, beyond the base rules. Pure.

docs/validation.md tells it to those who run a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from resources.definitions import load
from resources.outcome import Issue, TooCostly, Unprocessable
from resources.validation.rules import Rules

from .book import Book

# The tag under which a verdict is kept where it is not a reason to refuse: code valid or invalid.
VERDICT: Final = "urn:x-fhir-server:validation"
SEVERITIES: Final = ("error", "warning", "information", "off")

_ORDER: Final = ("fatal", *SEVERITIES)

_canonical = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s,=]+").fullmatch


class Unprepared(Exception):
    """A verdict needs something that is not in the book yet: have the book read it, and ask again."""


@dataclass(frozen=True)
class Policy:
    """What follows from the tenant settings validation, required_profiles and severity_overrides."""

    on_write: str  # off | warn | reject | tag
    required: Mapping[str, tuple[str, ...]]  # resource type → canonical URLs
    overrides: Mapping[str, str]  # key of a constraint, URL#key, or issue code → severity or "off"

    def judges(self, resource_type: str) -> bool:
        """Whether a write of this type is judged beyond the base rules. What is required is, whatever the level."""
        return self.on_write != "off" or resource_type in self.required

    def profiles(self, resource_type: str) -> tuple[str, ...]:
        return self.required.get(resource_type, ())

    def weighed(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """The issues with the severities that the tenant gives them, the worst first."""
        weighed = self._weighed(issues) if self.overrides else issues
        return tuple(sorted(weighed, key=lambda issue: _ORDER.index(issue.severity)))

    def _weighed(self, issues: Iterable[Issue]) -> Iterable[Issue]:
        for issue in issues:
            names = (issue.rule, issue.rule.rpartition("#")[2], issue.code)
            severity = next((self.overrides[name] for name in names if name in self.overrides), issue.severity)
            if severity != "off":
                yield replace(issue, severity=severity)

    def judged(self, tree: dict[str, Any], rules: Rules, book: Book) -> tuple[dict[str, Any], tuple[Issue, ...]]:
        """The resource as it is to be stored, and what is to be said of it.

        Raises Unprepared; Unprocessable (422) and TooCostly (403) where the tenant refuses what breaks its rules."""
        profiles = self.profiles(tree["resourceType"])
        book.begin(tree, profiles)
        try:
            found = () if book.wants else rules.issues(tree, book, profiles, claimed=self.on_write != "off")
        except TooCostly as error:
            book.end()
            if self.on_write in ("off", "reject"):
                raise
            found = error.issues
        else:
            if book.wants:
                raise Unprepared
        issues = self.weighed((*found, *book.end()))
        broken = any(issue.severity in ("error", "fatal") for issue in issues)
        if self.on_write == "tag":
            return _tagged(tree, "invalid" if broken else "valid"), _softened(issues)
        if broken and self.on_write != "warn":
            raise Unprocessable(issues=issues)
        return tree, _softened(issues)


def _softened(issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """Of what is stored all the same errors are warnings."""
    return tuple(replace(one, severity="warning") if one.severity == "error" else one for one in issues)


def _tagged(tree: dict[str, Any], code: str) -> dict[str, Any]:
    meta = tree.get("meta", {})
    others = [tag for tag in meta.get("tag", ()) if tag.get("system") != VERDICT]
    return {**tree, "meta": {**meta, "tag": [*others, {"system": VERDICT, "code": code}]}}


def policy_of(settings: Mapping[str, Any]) -> Policy:
    """The policy that the settings of a tenant make."""
    required: dict[str, tuple[str, ...]] = {}
    for resource_type, canonical in required_profiles(settings["required_profiles"]):
        required[resource_type] = (*required.get(resource_type, ()), canonical)
    return Policy(settings["validation"], required, dict(severity_overrides(settings["severity_overrides"])))


def required_profiles(text: str) -> list[tuple[str, str]]:
    """Pairs of resource type and canonical URL, as in "Patient=http://…,Observation=http://…". Raises ValueError."""
    pairs = [(name.strip(), url.strip()) for name, _, url in (one.partition("=") for one in _listed(text))]
    for name, canonical in pairs:
        if not load().is_resource_type(name) or not _canonical(canonical):
            raise ValueError(f"{name}={canonical}: not a resource type and a canonical URL")
    return pairs


def severity_overrides(text: str) -> list[tuple[str, str]]:
    """Pairs of what an issue is known by and its severity, as in "us-core-6=warning,dom-6=off". Raises ValueError."""
    pairs = [(name.strip(), severity.strip()) for name, _, severity in (one.rpartition("=") for one in _listed(text))]
    for name, severity in pairs:
        if not name or severity not in SEVERITIES:
            raise ValueError(f"{name}={severity}: not the id of a constraint and one of {', '.join(SEVERITIES)}")
    return pairs


def _listed(text: str) -> list[str]:
    return [one for one in text.split(",") if one.strip()]
