"""The operations on code systems, value sets and concept maps: plain functions over a Scope."""
