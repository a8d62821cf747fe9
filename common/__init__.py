"""What the api and the workers must agree on."""
