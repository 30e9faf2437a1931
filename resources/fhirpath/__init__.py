"""FHIRPath on R4 resources: expressions are compiled once to closures and evaluated on nodes that know their place.

    compile("Patient.name.where(use = 'official').given[0]").nodes(definitions, tree)

https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from .evaluation import Outside, TypeInfo
from .expression import Expression, compile
from .faults import Unevaluable
from .moments import Moment
from .nodes import Field, Node, Shape, root
from .quantities import Quantity

__all__ = [
    "Expression", "Field", "Moment", "Node", "Outside", "Quantity", "Shape", "TypeInfo", "Unevaluable", "compile", "root",
]  # fmt: skip
