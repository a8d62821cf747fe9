"""The whole application, over the store in memory and a worker that does nothing but say that it did."""
