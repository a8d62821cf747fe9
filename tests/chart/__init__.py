"""The Helm chart, on a real Kubernetes and with the images that are shipped."""
