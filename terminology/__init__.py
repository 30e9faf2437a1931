"""Units, code systems and value sets."""
