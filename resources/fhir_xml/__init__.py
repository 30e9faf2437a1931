"""XML in and out for every type, driven by the definitions: the same exact trees as resources.exact has for JSON.

    decode(definitions, text)                 bytes → tree; raises Malformed (400) with line and column
    encode(definitions, tree, pretty=False)   tree → bytes, in UTF-8 with an XML declaration

https://hl7.org/fhir/R4/xml.html
"""

from .decoding import decode
from .encoding import encode

__all__ = ["decode", "encode"]
