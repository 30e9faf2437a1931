"""What is right and wrong with a code: its code system, its version, its display, its status.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

import re
from typing import Final

from .. import findings
from ..scope import matches
from ..system import System
from . import displays
from .codings import Coding, Rules, statuses_of
from .deciding import Definition

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)
_ANY: Final = {"experimental": True, "status": "draft"}  # a value set beside which only what is worse is told


def is_member(rules: Rules, definition: Definition, coding: Coding, infers: bool) -> bool | None:
    """Whether a coding is in a value set, with all that is to be said of it."""
    if not _is_judgeable(coding):
        return False
    if not coding.system and infers and not _infer(rules, definition, coding):
        return False
    if not coding.system:
        coding.say(findings.no_system(coding.path or "code"))
        return False
    verdict = definition.has(coding)
    if not rules.membership_only:
        if not verdict:
            _explain(rules, coding)
        elif coding.found is not None:
            _judge(rules, coding, coding.found)
    return verdict


def _infer(rules: Rules, definition: Definition, coding: Coding) -> bool:
    """Finds the only code system of which the value set has the code."""
    named = definition.systems()
    matching = [one for one in named if definition.has(Coding(one, coding.code, coding.version)) is True]
    if len(matching) == 1:
        coding.system = matching[0]
        return True
    coding.say(findings.not_inferred(coding.code, definition.name, matching, named))
    return False


def _explain(rules: Rules, coding: Coding) -> None:
    """Says of a code that is not in the value set whether it is a code at all."""
    if not _ABSOLUTE.match(coding.system):
        coding.say(findings.relative_system(coding.at("system")))
    system = coding.found or _system_of(rules, coding, coding.version)
    if system is None:
        return
    for issue in statuses_of(system, _ANY):
        coding.say(issue)
    coding.found, coding.ordinal = system, system.find(coding.code)
    if coding.ordinal is None:
        _unknown_code(system, coding)
    elif coding.display:
        _check_display(rules, coding, system, coding.ordinal)


def is_code(
    rules: Rules, coding: Coding, url: str = "", version: str = "", system: System | None = None
) -> bool | None:
    """Whether a coding is one of its code system. url, version: what it has to be of; system: the one that was sent."""
    if not _is_judgeable(coding):
        return False
    if url and coding.system and coding.system != url:
        coding.say(findings.other_system(coding.system, url, coding.at("system")))
        return False
    if version and coding.version and not matches(version, coding.version):
        coding.say(findings.other_version(coding.system, coding.version, version, coding.at("version")))
        return False
    if not coding.system and (system is None or coding.path):
        coding.say(findings.no_system(coding.path or "code"))
        return False
    if system is None:
        system = _system_of(rules, coding, coding.version or version)
        if system is None:
            return None
    coding.found, coding.ordinal = system, system.find(coding.code)
    for issue in statuses_of(system, {}):
        coding.say(issue)
    if coding.ordinal is None:
        _unknown_code(system, coding)
        return system.about.content == "fragment"
    verdict = True
    if not rules.abstract and system.is_abstract(coding.ordinal):
        coding.say(findings.abstract_code(coding.system, coding.code, coding.at("code")))
        verdict = False
    if rules.active_only and system.is_inactive(coding.ordinal):
        coding.retired = True
        coding.say(findings.not_active(coding.code, coding.at("code")))
        verdict = False
    _judge(rules, coding, system)
    return verdict


def _is_judgeable(coding: Coding) -> bool:
    """Whether there is a code. Where none is, that is all that is said: only the client knows what it means."""
    if not coding.code:
        coding.say(findings.no_code(bool(coding.system), coding.path))
    return bool(coding.code)


def _system_of(rules: Rules, coding: Coding, version: str) -> System | None:
    """The code system that a coding names; if there is none, that is said, and what it is instead."""
    scope, url = rules.scope, coding.system
    version = version or rules.version(url)
    found = rules.system(url, version)
    if found is not None:
        if wanted := rules.refused(found):
            coding.say(findings.version_refused(url, found.about.version, wanted, coding.at("version")))
        return found
    supplement = scope.supplement(findings.canonical(url, version))
    if supplement is not None:
        name = findings.canonical(url, supplement.get("version", ""))
        coding.unknown[url] = None
        coding.say(findings.system_is_supplement(name, coding.at("system")))
    elif scope.value_set(url) is not None:
        coding.say(findings.system_is_value_set(url, coding.at("system")))
    else:
        coding.unknown_system(rules, version)
    return None


def _unknown_code(system: System, coding: Coding) -> None:
    about, place = system.about, coding.at("code")
    if about.content == "fragment":
        coding.say(findings.unknown_in_fragment(about.url, about.version, coding.code, place))
        return
    coding.say(findings.unknown_code(about.url, about.version, coding.code, place))
    if about.compositional and not system.infinite:
        coding.say(findings.grammar_unknown(about.url, place))


def _judge(rules: Rules, coding: Coding, system: System) -> None:
    """What is to be said of a code that is right."""
    ordinal, about = coding.ordinal, system.about
    if ordinal is None:
        return
    if not about.case_sensitive and (right := system.code(ordinal)) != coding.code:
        name = findings.canonical(about.url, about.version)
        coding.say(findings.other_case(coding.code, right, name, coding.at("code")))
    if about.version_needed and not coding.version:
        coding.say(findings.version_needed(about.url, coding.at("version")))
    if coding.display:
        _check_display(rules, coding, system, ordinal)


def _check_display(rules: Rules, coding: Coding, system: System, ordinal: int) -> None:
    issue = displays.check(
        system,
        ordinal,
        coding.display,
        rules.languages,
        coding.at("display"),
        more=coding.displays,
        severity=rules.severity,
    )
    if issue is not None:
        coding.say(issue)
