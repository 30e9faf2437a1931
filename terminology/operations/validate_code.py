"""ValueSet/$validate-code and CodeSystem/$validate-code: whether a code is one, and may be used.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from resources.operation import Parameters
from resources.outcome import BadRequest, Invalid, Issue, NotFound, NotSupported, operation_outcome

from .. import findings
from ..index.supplement import supplemented
from ..languages import Languages, stated_by
from ..scope import Scope, Tree, split
from ..system import System
from ..versions import Versions
from . import displays
from .asking import sent_code_system
from .checks import is_code, is_member
from .codings import Coding, Rules, statuses, supplements_of
from .deciding import Definition, UnknownImport

MOST: Final = 200  # codings of one CodeableConcept
NO_CODE: Final = (
    "Unable to find code to validate "
    "(looked for coding | codeableConcept | code+system | code+inferSystem in parameters"
)

_VERSIONS: Final = (  # in the order of the fields of Versions
    "system-version",
    "check-system-version",
    "force-system-version",
    "default-valueset-version",
)
_CODES: Final = ("code", "coding", "codeableConcept")
_TRUE: Final = (True, "true")
_FALSE: Final = (False, "false")
_ALL, _MEMBERSHIP, _CODE, _LENIENT = (
    "all-checks",
    "check-membership-only",
    "no-membership-check",
    "lenient-display-validation",
)
_MODES: Final = (_ALL, _MEMBERSHIP, _CODE, _LENIENT)

Given = Mapping[str, Any]


def validate_value_set_code(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """Whether a code, a Coding or one Coding of a CodeableConcept is in a value set: a Parameters resource.

    languages: the header Accept-Language. Raises NotFound for a value set or a supplement that is not known, BadRequest
    and Unprocessable for a definition that cannot be used, Invalid without a code or a value set, TooCostly."""
    given = {one.name: one.value for one in reversed(parameters.values)}
    versions = _versions(parameters, given)
    value_set = _value_set(scope, given, versions)
    mode = _mode(given)
    rules = _rules(scope, parameters, given, versions, languages, mode, value_set)
    codings = _codings(given)
    concept = given.get("codeableConcept")
    if mode == _CODE:
        rules.use(supplements_of(value_set))
        return _answer(rules, codings, [is_code(rules, one) for one in codings], concept)
    try:
        definition = Definition(rules, value_set)
    except UnknownImport as error:  # known is only that nothing can be said
        codings[0].issues += error.issues
        return _answer(rules, codings, [None] * len(codings), concept)
    for issue in statuses(value_set, value_set):
        codings[0].say(issue)
    infers = "code" in given and (given.get("inferSystem") in _TRUE or "context" in given)
    verdicts = [is_member(rules, definition, one, infers) for one in codings]
    return _answer(rules, codings, verdicts, concept, definition.name)


def validate_code_system_code(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """Whether a code, a Coding or one Coding of a CodeableConcept is one of a code system: a Parameters resource.

    Raises as validate_value_set_code does."""
    given = {one.name: one.value for one in reversed(parameters.values)}
    rules = _rules(scope, parameters, given, _versions(parameters, given), languages, _mode(given))
    url, version = split(given.get("url") or given.get("system") or "")
    system: System | None = None
    if "codeSystem" in given:
        system = sent_code_system(parameters)
    if system is not None:
        url, version = system.about.url, ""
        if used := rules.supplements.get(url):
            system = supplemented(system, [tree for one in used if (tree := scope.supplement(one))])
    version = given.get("version") or version
    codings = _codings(given, url, version)
    verdicts = [is_code(rules, one, url, version, system) for one in codings]
    return _answer(rules, codings, verdicts, given.get("codeableConcept"))


# What is asked.


def _versions(parameters: Parameters, given: Given) -> Versions:
    """What the request says of versions."""
    return Versions() if given.keys().isdisjoint((*_VERSIONS, "date")) else Versions.of(parameters)


def _beside(versions: Versions, value_set: Tree) -> Versions:
    """The versions, and behind them what a value set says itself of how it is expanded."""
    stated = [split(str(stated_by(value_set, name))) for name in _VERSIONS]
    if not any(version for _, version in stated):
        return versions
    said = (versions.system, versions.check, versions.force, versions.value_set_default)
    own = ({url: version} if version else {} for url, version in stated)
    system, check, force, value_sets = ({**behind, **before} for behind, before in zip(own, said, strict=True))
    return Versions(system, check, force, value_sets, versions.date)


def _value_set(scope: Scope, given: Given, versions: Versions) -> Tree:
    """The value set that is sent, or named. Raises NotFound."""
    sent = given.get("valueSet")
    if sent is not None:
        return sent  # type: ignore[no-any-return]
    canonical = given.get("url")
    if canonical is None:
        if "context" in given:
            text = "No value set is known by the context of an element: name it by url, or send it as valueSet."
            raise NotSupported(text, expression=["context"])
        raise Invalid("Which value set? Name it by url, or send it as valueSet.", code="required", expression=["url"])
    url, version = split(canonical)
    version = given.get("valueSetVersion") or version
    found = versions.value_set(scope, url, version)
    if found is None:
        raise NotFound(issues=[findings.unknown_value_set(findings.canonical(url, version))])
    return found


def _mode(given: Given) -> str:
    """What is looked at. https://jira.hl7.org/browse/FHIR-41229"""
    if given.get("valueset-membership-only") in _TRUE:
        return _MEMBERSHIP
    stated = given.get("valueSetMode") or given.get("mode")
    if not stated:
        return _ALL
    mode = str(stated).lower().replace("_", "-")
    if mode not in _MODES:
        text = f"The mode '{mode[:100]}' is not known; there are {', '.join(_MODES)}."
        raise NotSupported(text, expression=["valueSetMode" if "valueSetMode" in given else "mode"])
    return mode


def _rules(
    scope: Scope,
    parameters: Parameters,
    given: Given,
    versions: Versions,
    header: str,
    mode: str,
    value_set: Tree | None = None,
) -> Rules:
    """What holds for every code of the request."""
    active = given.get("activeOnly")
    if value_set is not None and "extension" in (value_set.get("compose") or value_set):
        versions = _beside(versions, value_set)
        active = stated_by(value_set, "activeOnly") if active is None else active
    lenient = mode == _LENIENT or given.get("lenient-display-validation") in _TRUE
    rules = Rules(
        scope,
        versions,
        abstract=given.get("abstract") not in _FALSE,
        active_only=active in _TRUE,
        membership_only=mode == _MEMBERSHIP,
        languages=Languages.of(given.get("displayLanguage") or "", value_set, header, 0.0),
        severity="warning" if lenient else "error",
    )
    if "useSupplement" in given:
        rules.use(parameters.all("useSupplement"))
    return rules


def _codings(given: Given, url: str = "", version: str = "") -> list[Coding]:
    """The codes that are to be judged. url, version: of the code system, where a code comes without one.

    Raises BadRequest without a code, or with several. What a Coding lacks is told as an answer."""
    if len(sent := [name for name in _CODES if name in given]) > 1:
        raise BadRequest(f"One of {', '.join(_CODES)} is validated; {' and '.join(sent)} were sent.", expression=sent)
    if (concept := given.get("codeableConcept")) is not None:
        trees = concept.get("coding") or ()
        if len(trees) > MOST:
            raise Invalid(f"There are {len(trees)} codings; {MOST} are the most.", code="too-long")
        codings = [_coding(one, f"CodeableConcept.coding[{n}]") for n, one in enumerate(trees)]
        return codings or [_coding({}, "CodeableConcept")]
    if (coding := given.get("coding")) is not None:
        return [_coding(coding, "Coding")]
    if (code := given.get("code")) is not None:
        system = given.get("system") or url
        if system or given.get("inferSystem") in _TRUE or "context" in given or "codeSystem" in given:
            stated = given.get("systemVersion") or version
            return [Coding(system, code, stated, given.get("display") or "")]
    raise BadRequest(NO_CODE, code="invalid")


def _coding(tree: Tree, path: str) -> Coding:
    found = tree.get
    return Coding(found("system") or "", found("code") or "", found("version") or "", found("display") or "", path)


# The answer.


def _answer(
    rules: Rules,
    codings: Sequence[Coding],
    verdicts: Sequence[bool | None],
    concept: Tree | None,
    value_set: str = "",
) -> dict[str, Any]:
    """The Parameters resource.

    concept: the CodeableConcept that the codings are of. value_set: its name, where membership was asked. A concept is
    right if one of its codings is, without an error of its own: what is wrong with the others is told."""
    verdict = True if True in verdicts else None if None in verdicts else False
    entries: list[dict[str, Any]] = [{}]
    right = 0 if concept is None else _right(codings, verdicts)
    if right is not None:
        entries += _about(rules, codings[right], verdict is True or not value_set)
    if value_set:
        for coding, one in zip(codings, verdicts, strict=True):
            if one is False and coding.code:
                name = findings.coded(coding.system, coding.version, coding.code, coding.display)
                said = findings.not_in_value_set if concept is None else findings.this_not_in_value_set
                coding.say(said(name, value_set, coding.at("code")))
    issues = list(codings[0].issues) if len(codings) == 1 else _together(codings)
    if verdict is False and value_set and concept is not None and any(one.code for one in codings):
        issues.append(findings.no_coding_in_value_set(value_set))
    sound = right is not None and all(one.severity != "error" for one in codings[right].issues)
    entries[0] = {"name": "result", "valueBoolean": verdict is True and sound}
    if concept is not None:
        entries.append({"name": "codeableConcept", "valueCodeableConcept": concept})
    for name in dict.fromkeys(unknown for coding in codings for unknown in coding.unknown):
        which = "x-unknown-system" if verdict is False else "x-caused-by-unknown-system"
        entries.append({"name": which, "valueCanonical": name})
    if issues:
        told = {one.diagnostics for one in issues if one.severity == "error" or one.message_id in findings.TOLD}
        if told:
            entries.append({"name": "message", "valueString": "; ".join(sorted(told))})
        entries.append({"name": "issues", "resource": operation_outcome(issues)})
    return {"resourceType": "Parameters", "parameter": entries}


def _right(codings: Sequence[Coding], verdicts: Sequence[bool | None]) -> int | None:
    """The first coding that is right; of those with errors the first one, if there is no other."""
    there = [n for n, one in enumerate(verdicts) if one]
    return next(
        (n for n in there if all(one.severity != "error" for one in codings[n].issues)), next(iter(there), None)
    )


def _together(codings: Sequence[Coding]) -> list[Issue]:
    return list({issue: None for coding in codings for issue in coding.issues})


def _about(rules: Rules, coding: Coding, found: bool) -> list[dict[str, Any]]:
    """What the answer says of a code itself."""
    out: list[dict[str, Any]] = []
    if coding.code:
        out.append({"name": "code", "valueCode": coding.code})
    if coding.system:
        out.append({"name": "system", "valueUri": coding.system})
    system, ordinal = coding.found, coding.ordinal
    version = system.about.version if system is not None else coding.version
    if version:
        out.append({"name": "version", "valueString": version})
    if system is None or ordinal is None:
        return out
    if display := displays.preferred(system, ordinal, rules.languages):
        out.append({"name": "display", "valueString": display})
    right = system.code(ordinal)
    if right != coding.code:
        out.append({"name": "normalized-code", "valueCode": right})
    if found or coding.retired:
        _status(coding, system, ordinal, out)
    return out


def _status(coding: Coding, system: System, ordinal: int, out: list[dict[str, Any]]) -> None:
    status = system.status(ordinal) or displays.status_of(system.extension(ordinal))
    if system.is_inactive(ordinal):
        out.append({"name": "inactive", "valueBoolean": True})
        if status not in ("", "inactive"):
            out.append({"name": "status", "valueCode": status})
        coding.say(findings.inactive(coding.code, status, coding.path or "code"))
    elif status.lower() == "deprecated":
        out.append({"name": "status", "valueCode": "deprecated"})
        coding.say(findings.deprecated(coding.code, coding.path or "code"))
