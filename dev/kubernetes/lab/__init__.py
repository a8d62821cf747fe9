"""A whole Kubernetes on one machine, in namespaces of its own, for tests. Standard library only."""
