"""`kanto run`: one foreground supervisor of Redis, the api and the workers."""
