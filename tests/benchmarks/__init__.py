"""Benchmarks: the HTTP server next to the bare SQL of the same rows, as ratios within one run."""
