"""Pure builders of manifests: which Kubernetes workload carries the instances of a cluster."""
