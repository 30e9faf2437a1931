"""The HL7 terminology ecosystem tests: how they are read, asked and judged.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/testing.html
"""
