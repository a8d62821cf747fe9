"""The parts of the api, each alone."""
