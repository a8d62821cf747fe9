"""The whole engine over its ports in memory, with a virtual time."""
