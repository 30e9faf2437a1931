"""Search: index on write, compile on read."""
