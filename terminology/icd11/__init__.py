"""ICD-11 as a compositional system: clusters of codes."""
