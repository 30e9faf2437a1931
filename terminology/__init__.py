"""Code systems, value sets, concept maps and crosswalks."""
