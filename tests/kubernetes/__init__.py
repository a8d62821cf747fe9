"""kanto on a real Kubernetes: run by `make test-kubernetes`, inside the lab of dev/kubernetes."""
