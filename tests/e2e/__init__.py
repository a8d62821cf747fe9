"""The whole service, driven as a user drives it: `kanto run`, HTTP, and CouchDB-speaking instances."""
