"""All functions by name, each family in its file. https://hl7.org/fhirpath/N1/#functions"""

from collections.abc import Mapping

from . import additions, boundaries, conversion, existence, filtering, maths, strings, subsetting, tree
from .calls import Function

FUNCTIONS: Mapping[str, Function] = {
    **existence.FUNCTIONS,
    **filtering.FUNCTIONS,
    **subsetting.FUNCTIONS,
    **conversion.FUNCTIONS,
    **strings.FUNCTIONS,
    **maths.FUNCTIONS,
    **tree.FUNCTIONS,
    **boundaries.FUNCTIONS,
    **additions.FUNCTIONS,
}
