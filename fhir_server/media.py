"""Media types: which format a body has, and which one the answer gets. Pure.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from typing import Final

from resources.hashing import remembered
from resources.outcome import NotAcceptable, UnsupportedMediaType

from .exchange import JSON

# What a client may call JSON, and the media type the answer then carries: a generic name is answered with itself.
_JSON: Final = {
    "application/fhir+json": JSON,
    "application/json+fhir": JSON,
    "application/json": "application/json",
    "text/json": "text/json",
}
FORMATS: Final = ("json", JSON)  # as the CapabilityStatement names them
_OFFERED: Final = tuple(dict.fromkeys(_JSON.values()))  # in the order of the server's liking
_NAMES: Final = _JSON | {"json": JSON}
_VERSIONS: Final = ("4.0", "4.0.1")
_KNOWN: Final = ", ".join(_JSON)
_REFUSED: Final = (0.0, 0)


def _parse(media_type: str) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, all in lower case."""
    name, *parameters = media_type.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


@remembered(256)
def check_content_type(content_type: str) -> None:
    """Refuses a body that is not FHIR JSON in UTF-8. Raises UnsupportedMediaType (415)."""
    name, parameters = _parse(content_type)
    if name not in _JSON:
        what = f"The content type {content_type[:100]!r} cannot be read" if name else "The request has no Content-Type"
        raise UnsupportedMediaType(f"{what}; a resource is sent as one of {_KNOWN}.")
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("A resource is sent in UTF-8.")
    if parameters.get("fhirversion", "4.0") not in _VERSIONS:
        raise UnsupportedMediaType(f"This server speaks FHIR 4.0, not {parameters['fhirversion'][:20]}.")


def check_form(content_type: str) -> None:
    """Refuses the body of a search by POST that is not a form. Raises UnsupportedMediaType (415)."""
    name, parameters = _parse(content_type)
    if name != "application/x-www-form-urlencoded" or parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("The parameters of a search are sent as application/x-www-form-urlencoded in UTF-8.")


def _quality(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


@remembered(256)
def negotiate(accept: str, format_: str = "") -> str:
    """The media type of the answer, from Accept and from _format, which overrides it. Raises NotAcceptable (406)."""
    if format_:
        # A plus in a URL is a space once it is decoded.
        name, parameters = _parse(format_.replace(" ", "+"))
        if name in _NAMES and parameters.get("fhirversion", "4.0") in _VERSIONS:
            return _NAMES[name]
        raise NotAcceptable(f"_format={format_[:100]} is not a format of this server; it answers in json.")
    if not accept.strip():
        return JSON
    stated: dict[str, tuple[float, int]] = {}  # type or range → its quality, then its place from the end of the list
    for place, wanted in enumerate(accept.split(",")):
        name, parameters = _parse(wanted)
        if parameters.get("fhirversion", "4.0") in _VERSIONS:
            name = _JSON.get(name, name)
            stated[name] = max(stated.get(name, _REFUSED), (_quality(parameters), -place))

    def liking(media_type: str) -> tuple[float, int]:
        """Of a type the most specific range counts (RFC 9110, 12.5.1)."""
        ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
        return next((stated[name] for name in ranges if name in stated), _REFUSED)

    chosen = max(_OFFERED, key=liking)
    if liking(chosen) <= _REFUSED:
        raise NotAcceptable(f"Nothing in Accept can be answered; this server answers in {_KNOWN}, for FHIR 4.0.")
    return chosen
