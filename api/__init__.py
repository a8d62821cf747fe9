"""HTTP in, job out: validates /v0 requests, changes the spec of a cluster and wakes a worker."""
