"""Container images made from files of this machine, without a registry and without a network."""
