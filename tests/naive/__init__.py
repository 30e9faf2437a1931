"""Search in plain Python, word for word as the specification says it: what index and conditions must agree with.

Nothing here comes from the package `search`. Values are extracted by a FHIRPath library, ranges are exact fractions, and
every test of a value is the line of the specification's table, however slow. https://hl7.org/fhir/R4/search.html
"""

from .match import inside, matches
from .order import is_ordered, place_of
from .values import Refused, Value, World

__all__ = ["Refused", "Value", "World", "inside", "is_ordered", "matches", "place_of"]
