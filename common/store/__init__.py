"""Where kanto keeps what must not be forgotten: a protocol, and Redis behind it. Its twin in memory is in tests/twins."""
