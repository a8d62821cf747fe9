"""docker-compose.yml as it is shipped, brought up with podman (`make test-compose`)."""
