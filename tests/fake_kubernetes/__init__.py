"""A small API server with controllers, over HTTP and in memory: what the Kubernetes platform needs of a Kubernetes.

It passes the platform's contract suite as the lab does, so what is tried on it holds there.
"""
