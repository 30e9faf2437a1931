"""Media types: which format a body has, and which one the answer gets. Pure.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from typing import Final

from resources.hashing import remembered
from resources.outcome import NotAcceptable, UnsupportedMediaType

JSON: Final = "application/fhir+json"
XML: Final = "application/fhir+xml"

# What a client may call a format, and the media type the answer then carries: a generic name is answered with itself.
_JSON: Final = {
    JSON: JSON,
    "application/json+fhir": JSON,
    "application/json": "application/json",
    "text/json": "text/json",
}
_XML: Final = {
    XML: XML,
    "application/xml+fhir": XML,
    "application/xml": "application/xml",
    "text/xml": "text/xml",
}
_TYPES: Final = _JSON | _XML
_OF_FHIR: Final = frozenset(name for name in _TYPES if "fhir" in name)
PRESENTATION: Final = frozenset({"_format", "_pretty"})  # parameters of any request: how its answer is written
FORMATS: Final = ("json", "xml", JSON, XML)  # as the CapabilityStatement names them
# Those of FHIR carry a Parameters resource: https://hl7.org/fhir/R4/fhirpatch.html
PATCH_FORMATS: Final = ("application/json-patch+json", JSON, XML, "application/merge-patch+json")
_PATCHES: Final = frozenset({*PATCH_FORMATS, *_TYPES})
_OFFERED: Final = tuple(dict.fromkeys(_TYPES.values()))  # in the order of the server's liking
_NAMES: Final = _TYPES | {"json": JSON, "xml": XML}
_VERSIONS: Final = ("4.0", "4.0.1")
_KNOWN: Final = ", ".join(_TYPES)
_REFUSED: Final = (0.0, 0)


def is_xml(media_type: str) -> bool:
    """Whether a media type, which may have parameters, is one of FHIR XML."""
    return media_type in _XML or (media_type not in _JSON and _parse(media_type)[0] in _XML)


def is_fhir(media_type: str) -> bool:
    """Whether a media type, without parameters, is one in which resources are sent."""
    return media_type in _TYPES


@remembered(256)
def check_content_type(content_type: str) -> None:
    """Refuses a body that is not FHIR JSON or XML in UTF-8. Raises UnsupportedMediaType (415)."""
    name, parameters = _parse(content_type)
    if name not in _TYPES:
        what = f"The content type {content_type[:100]!r} cannot be read" if name else "The request has no Content-Type"
        raise UnsupportedMediaType(f"{what}; a resource is sent as one of {_KNOWN}.")
    _check_parameters(parameters)


@remembered(256)
def check_patch(content_type: str) -> None:
    """Refuses a patch of an unknown kind; 415, and the answer's Accept-Patch has those there are (RFC 5789, 2.2)."""
    name, parameters = _parse(content_type)
    if name not in _PATCHES:
        what = f"A patch cannot be sent as {content_type[:100]!r}" if name else "The request has no Content-Type"
        known = ", ".join(PATCH_FORMATS)
        raise UnsupportedMediaType(f"{what}; it is one of {known}.", headers={"Accept-Patch": known})
    _check_parameters(parameters)


def check_form(content_type: str) -> None:
    """Refuses the body of a search by POST that is not a form. Raises UnsupportedMediaType (415)."""
    name, parameters = _parse(content_type)
    if name != "application/x-www-form-urlencoded" or parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("The parameters of a search are sent as application/x-www-form-urlencoded in UTF-8.")


@remembered(256)
def negotiate(accept: str, format_: str = "") -> str:
    """The media type of the answer, from Accept and from _format, which overrides it. Raises NotAcceptable (406).

    There is one FHIR version here, so two in one interaction are always an error: the other one is refused."""
    if format_:
        name, parameters = _parse(_with_plus(format_))
        if name in _NAMES and _speaks(parameters):
            return _NAMES[name]
        raise NotAcceptable(f"_format={format_[:100]} is not a format of this server; it answers in json and xml.")
    if not accept.strip():
        return JSON
    stated: dict[str, tuple[float, int]] = {}  # type or range → its quality, then its place from the end of the list
    for place, wanted in enumerate(accept.split(",")):
        name, parameters = _parse(wanted)
        if _speaks(parameters):
            name = _TYPES.get(name, name)
            stated[name] = max(stated.get(name, _REFUSED), (_quality(parameters), -place))

    def liking(media_type: str) -> tuple[float, int]:
        """Of a type the most specific range counts (RFC 9110, 12.5.1)."""
        ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
        return next((stated[name] for name in ranges if name in stated), _REFUSED)

    chosen = max(_OFFERED, key=liking)
    if liking(chosen) <= _REFUSED:
        raise NotAcceptable(f"Nothing in Accept can be answered; this server answers in {_KNOWN}, for FHIR 4.0.")
    return chosen


@remembered(256)
def names_fhir(accept: str, format_: str = "") -> bool:
    """Whether the answer is explicitly asked for as FHIR: what is no resource otherwise, the content of a Binary, is one
    then. A generic name such as application/json in Accept does not say so.

    https://hl7.org/fhir/R4/binary.html#rest"""
    if format_:
        return _parse(_with_plus(format_))[0] in _NAMES
    wanted = map(_parse, accept.split(","))
    return any(name in _OF_FHIR and _quality(parameters) > 0 for name, parameters in wanted)


def _parse(media_type: str) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, all in lower case."""
    name, *parameters = media_type.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _with_plus(format_: str) -> str:
    """A plus in a URL is a space once it is decoded."""
    name, semicolon, parameters = format_.strip().partition(";")
    return name.rstrip().replace(" ", "+") + semicolon + parameters


def _speaks(parameters: dict[str, str]) -> bool:
    return parameters.get("fhirversion", "4.0") in _VERSIONS


def _check_parameters(parameters: dict[str, str]) -> None:
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("A resource is sent in UTF-8.")
    if not _speaks(parameters):
        raise UnsupportedMediaType(f"This server speaks FHIR 4.0, not {parameters['fhirversion'][:20]}.")


def _quality(parameters: dict[str, str]) -> float:
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
