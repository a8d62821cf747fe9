"""The Kubernetes for tests is tested: labs are made, broken and ended. Runs outside of a lab, as root."""
