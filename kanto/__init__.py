"""One command that runs the whole service on one machine."""
