"""What the server says it can do, and the proof."""
