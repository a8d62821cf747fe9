"""What is decided, and nothing that acts: plain data in, plain data out."""
