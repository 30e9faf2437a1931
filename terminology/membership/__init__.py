"""Whether a code is in a value set or below another one, as searches and validation ask it."""
