"""The index file of a code system version: immutable, mapped by every worker, asked as a `System`."""
