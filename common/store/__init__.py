"""Where kanto keeps what must not be forgotten: a protocol, and Redis behind it. Its twin is in tests/twins."""
