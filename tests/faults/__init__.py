"""Faults on real processes while clients write: every acknowledged write must be on every survivor."""
