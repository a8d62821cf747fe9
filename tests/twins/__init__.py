"""kanto's ports in memory: a store, a platform, and CouchDBs. Each passes the contract suite of the real one."""
