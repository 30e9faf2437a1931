"""Definitions, validation, storage and the database session; imports none of the other floors."""
