"""Instances as local processes: for a laptop, for tests, and for one machine."""
