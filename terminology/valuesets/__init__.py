"""What is in a value set: definitions evaluated, and what an expansion shows of them."""
