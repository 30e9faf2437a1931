"""Validation in a tenant: by its profiles, value sets and settings, on write and when asked for."""
