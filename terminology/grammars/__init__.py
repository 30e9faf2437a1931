"""Code systems that are a grammar: UCUM, language tags, MIME types, URIs."""
