"""One suite per port, run on every implementation, those in memory included."""
