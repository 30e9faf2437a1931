"""Small releases of invented content in the official layouts, written where a test wants them."""
