"""The shipped images, run with podman (`make test-image`)."""
