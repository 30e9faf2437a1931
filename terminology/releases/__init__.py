"""Releases of terminology: read from official files once, kept in the database, mapped from a file by every worker."""
