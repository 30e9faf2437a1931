"""One module per search parameter type, each with both halves: index(value) and condition(clause)."""
