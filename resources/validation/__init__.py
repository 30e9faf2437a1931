"""Validation of a resource, pure: by the base rules on every write, and by all that is known beyond them.

    validator    the base rules: accepted by the quick form (structures, objects), else judged by the thorough one (checks)
    rules        beyond them: constraints, extensible bindings, extensions, special types, and the profiles of ..profiles

https://hl7.org/fhir/R4/validation.html
"""
