"""Where kanto keeps what must not be forgotten: one protocol, Redis for real and a twin in memory for tests."""
