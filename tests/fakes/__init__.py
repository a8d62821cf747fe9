"""Fake instances in their hundreds, and workers that work on them: for the bench and for tests of many clusters."""
