"""Instances as pods: the only package that speaks to Kubernetes."""
