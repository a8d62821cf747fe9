"""Where kanto keeps what must not be forgotten: one protocol, and Redis behind it; its twin in memory is in tests/twins."""
