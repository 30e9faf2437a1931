"""What the terminology has to say of a code, a value set or a request: issues with a text that is numbered.

The ids of the texts are those that validators know; a text is the same wherever it is said.
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from resources.outcome import Issue

ISSUE_TYPE: Final = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"
SHOWN: Final = 20  # displays or versions that a text names
LONGEST: Final = 500  # characters of a value that a text repeats


def finding(severity: str, code: str, kind: str, message_id: str, text: str, *expression: str) -> Issue:
    """An issue whose `details` have the text and the kind of issue (http://hl7.org/fhir/tools/CodeSystem/tx-issue-type)."""
    return Issue(severity, code, text, expression, rule=f"{ISSUE_TYPE}#{kind}", message_id=message_id)


# Texts that are not errors and still belong into the `message` of an answer.
TOLD: Final = frozenset(
    {
        "Coding_has_no_code__cannot_validate",
        "Coding_has_no_system__cannot_validate",
        "Coding_has_no_system_or_code__cannot_validate",
        "DEPRECATED_CONCEPT_FOUND",
        "Display_Name_WS_for__should_be_one_of__instead_of",
        "Display_Name_for__should_be_one_of__instead_of",
        "INACTIVE_CONCEPT_FOUND",
        "NO_VALID_DISPLAY_AT_ALL",
        "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR",
        "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK",
    }
)


def coded(system: str, version: str, code: str, display: str = "") -> str:
    """A coding as texts name it: `system|version#code ('display')`."""
    text = f"{system}|{version}#{code}" if version else f"{system}#{code}"
    return _short(f"{text} ('{display}')" if display else text)


def canonical(url: str, version: str) -> str:
    return f"{url}|{version}" if version else url


def listed(texts: Sequence[str], word: str = "or") -> str:
    """`a, b or c`; of very many the first ones."""
    if len(texts) > SHOWN:
        texts = [*texts[:SHOWN], f"{len(texts) - SHOWN} others"]
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


# Whether a code is in a value set.


def not_in_value_set(coding: str, value_set: str, place: str) -> Issue:
    text = f"The provided code '{coding}' was not found in the value set '{value_set}'"
    return finding("error", "code-invalid", "not-in-vs", _NOT_IN, text, place)


def this_not_in_value_set(coding: str, value_set: str, place: str) -> Issue:
    """Of one coding of a CodeableConcept; another one may be in it."""
    text = f"The provided code '{coding}' was not found in the value set '{value_set}'"
    return finding("information", "code-invalid", "this-code-not-in-vs", _NOT_IN, text, place)


_NOT_IN: Final = "None_of_the_provided_codes_are_in_the_value_set_one"


def no_coding_in_value_set(value_set: str) -> Issue:
    text = f"No valid coding was found for the value set '{value_set}'"
    return finding("error", "code-invalid", "not-in-vs", "TX_GENERAL_CC_ERROR_MESSAGE", text)


def listed_as_deprecated(system: str, code: str, value_set: str, status: str, place: str) -> Issue:
    text = (
        f"The presence of the concept '{code}' in the system '{system}' in the value set {value_set} is marked with a "
        f"status of {status} and its use should be reviewed"
    )
    return finding("warning", "business-rule", "code-comment", "CONCEPT_DEPRECATED_IN_VALUESET", text, place)


def unknown_value_set(canonical: str) -> Issue:
    text = f"A definition for the value Set '{_short(canonical)}' could not be found"
    return finding("error", "not-found", "not-found", "Unable_to_resolve_value_Set_", text)


def circular(path: Sequence[str]) -> Issue:
    """path: canonical URLs of the value sets, the last of which is the first of them again."""
    text = f"The value set {path[-1]} rests on itself: {' → '.join([*path[-SHOWN:-1], path[-1]])}"
    return finding("error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", text)


def undefined(value_set: str) -> Issue:
    text = f"The value set '{value_set}' says neither what it includes nor what its expansion is"
    return finding("error", "processing", "vs-invalid", "VALUESET_NO_DEFINITION", text)


def part_undefined(place: str) -> Issue:
    text = "An include or exclude has a code system, which its concepts and filters are of, or value sets, or both"
    return finding("error", "invalid", "vs-invalid", "VALUESET_PART_WITHOUT_CONTENT", text, place)


def filter_without_value(system: str, property: str, op: str, place: str) -> Issue:
    text = f"The system {system} filter with property = {property}, op = {op} has no value"
    return finding("error", "invalid", "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", text, place)


def supplement_missing(canonical: str) -> Issue:
    text = f"Required supplement not found: {_short(canonical)}"
    return finding("error", "not-found", "not-found", "VALUESET_SUPPLEMENT_MISSING", text)


# Whether a code is one of its code system.


def unknown_code(system: str, version: str, code: str, place: str) -> Issue:
    text = f"Unknown code '{_short(code)}' in the CodeSystem '{system}'"
    message_id = "Unknown_Code_in"
    if version:
        text, message_id = f"{text} version '{version}'", "Unknown_Code_in_Version"
    return finding("error", "code-invalid", "invalid-code", message_id, text, place)


def unknown_in_fragment(system: str, version: str, code: str, place: str) -> Issue:
    text = f"Unknown Code '{_short(code)}' in the CodeSystem '{system}'" + (f" version '{version}'" if version else "")
    text += " - note that the code system is labeled as a fragment, so the code may be valid in some other fragment"
    return finding("warning", "code-invalid", "invalid-code", "UNKNOWN_CODE_IN_FRAGMENT", text, place)


def grammar_unknown(system: str, place: str) -> Issue:
    text = f"The CodeSystem '{system}' is compositional; its grammar is not known here, so only single codes are"
    return finding("information", "informational", "process-note", "CODESYSTEM_GRAMMAR_UNKNOWN", text, place)


def other_case(code: str, right: str, system: str, place: str) -> Issue:
    text = (
        f"The code '{code}' differs from the correct code '{right}' by case. Although the code system '{system}' is case "
        "insensitive, implementers are strongly encouraged to use the correct case anyway"
    )
    return finding("information", "business-rule", "code-rule", "CODE_CASE_DIFFERENCE", text, place)


def abstract_code(system: str, code: str, place: str) -> Issue:
    text = f"Code '{system}#{code}' is abstract, and not allowed in this context"
    return finding("error", "business-rule", "code-rule", "ABSTRACT_CODE_NOT_ALLOWED", text, place)


def not_active(code: str, place: str) -> Issue:
    text = f"The concept '{code}' is valid but is not active"
    return finding("error", "business-rule", "code-rule", "STATUS_CODE_WARNING_CODE", text, place)


def inactive(code: str, status: str, place: str) -> Issue:
    status = f"{status} and inactive" if status not in ("", "inactive") else "inactive"
    text = f"The concept '{code}' has a status of {status} and its use should be reviewed"
    return finding("warning", "business-rule", "code-comment", "INACTIVE_CONCEPT_FOUND", text, place)


def deprecated(code: str, place: str) -> Issue:
    text = f"The concept '{code}' is deprecated and its use should be reviewed"
    return finding("warning", "business-rule", "code-comment", "DEPRECATED_CONCEPT_FOUND", text, place)


# Its system and version.


def no_system(place: str) -> Issue:
    text = (
        "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. "
        "A system should be provided"
    )
    return finding("warning", "invalid", "invalid-data", "Coding_has_no_system__cannot_validate", text, place)


def no_code(has_system: bool, place: str) -> Issue:
    """Of a Coding. Without a system it is one issue all the same: there is nothing to be judged."""
    what, message_id = "no code", "Coding_has_no_code__cannot_validate"
    if not has_system:
        what, message_id = "neither a system nor a code", "Coding_has_no_system_or_code__cannot_validate"
    return finding(
        "warning", "invalid", "invalid-data", message_id, f"Coding has {what}: it cannot be validated", place
    )


def relative_system(place: str) -> Issue:
    text = "Coding.system must be an absolute reference, not a local reference"
    return finding("error", "invalid", "invalid-data", "Terminology_TX_System_Relative", text, place)


def system_is_value_set(system: str, place: str) -> Issue:
    text = f"The Coding references a value set, not a code system ('{system}')"
    return finding("error", "invalid", "invalid-data", "Terminology_TX_System_ValueSet2", text, place)


def system_is_supplement(canonical: str, place: str) -> Issue:
    text = f"CodeSystem {canonical} is a supplement, so can't be used as a value in Coding.system"
    return finding("error", "invalid", "invalid-data", "CODESYSTEM_CS_NO_SUPPLEMENT", text, place)


def other_system(system: str, asked: str, place: str) -> Issue:
    text = (
        f"The Coding has the system '{_short(system)}', not '{_short(asked)}', which is the code system that was named"
    )
    return finding("error", "invalid", "invalid-data", "CODING_OF_ANOTHER_SYSTEM", text, place)


def other_version(system: str, version: str, asked: str, place: str) -> Issue:
    text = (
        f"The Coding is of version '{_short(version)}' of the code system '{_short(system)}', not of version "
        f"'{_short(asked)}', which was named"
    )
    return finding("error", "invalid", "invalid-data", "CODING_OF_ANOTHER_VERSION", text, place)


def unknown_system(system: str, place: str) -> Issue:
    text = f"A definition for CodeSystem '{_short(system)}' could not be found, so the code cannot be validated"
    return finding("error", "not-found", "not-found", "UNKNOWN_CODESYSTEM", text, place)


def unknown_version(system: str, version: str, versions: Sequence[str], place: str) -> Issue:
    """versions: those that are known."""
    text = (
        f"A definition for CodeSystem '{_short(system)}' version '{_short(version)}' could not be found, "
        "so the code cannot be validated. "
    )
    if versions:
        text, message_id = f"{text}Valid versions: {listed(versions)}", "UNKNOWN_CODESYSTEM_VERSION"
    else:
        text, message_id = f"{text}No versions of this code system are known", "UNKNOWN_CODESYSTEM_VERSION_NONE"
    return finding("error", "not-found", "not-found", message_id, text, place)


def version_needed(system: str, place: str) -> Issue:
    text = f"The CodeSystem '{system}' says that a code means nothing without the version that it is from"
    return finding("error", "business-rule", "invalid-data", "CODESYSTEM_VERSION_NEEDED", text, place)


def version_differs(system: str, included: str, stated: str, place: str) -> Issue:
    text = (
        f"The code system '{system}' version '{included}' in the ValueSet include is different to the one in the value "
        f"('{stated}')"
    )
    return finding("error", "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH", text, place)


def version_differs_from_chosen(system: str, chosen: str, included: str, stated: str, place: str) -> Issue:
    text = (
        f"The code system '{system}' version '{chosen}' resulting from the version '{included}' in the ValueSet include "
        f"is different to the one in the value ('{stated}')"
    )
    return finding("error", "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH_CHANGED", text, place)


def version_differs_from_default(system: str, default: str, stated: str, severity: str, place: str) -> Issue:
    text = (
        f"The code system '{system}' version '{default}' for the versionless include in the ValueSet include is different "
        f"to the one in the value ('{stated}')"
    )
    return finding(severity, "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH_DEFAULT", text, place)


def version_refused(system: str, version: str, wanted: str, place: str) -> Issue:
    text = f"The version '{version}' is not allowed for system '{system}': required to be '{wanted}' by a version-check parameter"
    return finding("error", "exception", "version-error", "VALUESET_VERSION_CHECK", text, place)


def not_inferred(code: str, value_set: str, matching: Sequence[str], searched: Sequence[str]) -> Issue:
    """matching: the code systems of several codes of the value set that are written like this; searched: all it names."""
    text = f"The System URI could not be determined for the code '{_short(code)}' in the ValueSet '{value_set}'"
    message_id = "UNABLE_TO_INFER_CODESYSTEM"
    if matching:
        text = f"{text}: value set expansion has multiple matches: [{', '.join(matching[:SHOWN])}]"
        message_id = "Unable_to_resolve_system__value_set_has_multiple_matches"
    elif searched:
        text = f"{text}: it is not one of {listed(searched)}"
    return finding("error", "not-found", "cannot-infer", message_id, text, "code")


def reference_to(status: str, resource_type: str, canonical: str) -> Issue:
    """status: deprecated, withdrawn, retired, experimental or draft."""
    text = f"Reference to {status} {resource_type} {canonical}"
    return finding("information", "business-rule", "status-check", f"MSG_{status.upper()}", text)


# Its display.


def wrong_display(
    coding: str, display: str, right: Sequence[str], languages: str, severity: str, place: str, *, spaces: bool = False
) -> Issue:
    """right: the displays there are, each with its language. spaces: only white space differs."""
    what = "Wrong whitespace in Display Name" if spaces else "Wrong Display Name"
    choice = f"Valid display is one of {len(right)} choices:" if len(right) > 1 else "Valid display is"
    text = f"{what} '{_short(display)}' for {coding}. {choice} {listed(right)} (for the language(s) '{languages}')"
    message_id = f"Display_Name_{'WS_' if spaces else ''}for__should_be_one_of__instead_of"
    return finding(severity, "invalid", "invalid-display", message_id, text, place)


def wrong_in_any_language(coding: str, display: str, default: str, languages: str, severity: str, place: str) -> Issue:
    text = (
        f"Wrong Display Name '{_short(display)}' for {coding}. There are no valid display names found for language(s) "
        f"'{languages}'. Default display is '{default}'"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
    return finding(severity, "invalid", "invalid-display", message_id, text, place)


def right_in_default_language(coding: str, display: str, languages: str, place: str) -> Issue:
    text = (
        f"There are no valid display names found for the code {coding} for language(s) '{languages}'. The display is "
        f"'{_short(display)}' which is a valid display for the default language"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
    return finding("information", "invalid", "invalid-display", message_id, text, place)


def no_display(coding: str, display: str, place: str) -> Issue:
    text = f"The display '{_short(display)}' for {coding} cannot be checked: the code system has no display for it"
    return finding("warning", "invalid", "invalid-display", "NO_VALID_DISPLAY_AT_ALL", text, place)


def inactive_display(display: str, code: str, status: str, right: Sequence[str], place: str) -> Issue:
    quoted = ",".join(f'"{one}"' for one in right[:SHOWN])
    text = (
        f"'{_short(display)}' is no longer considered a correct display for code '{code}' (status = {status}). "
        f"The correct display is one of {quoted}."
    )
    return finding("warning", "invalid", "display-comment", "INACTIVE_DISPLAY_FOUND", text, place)
