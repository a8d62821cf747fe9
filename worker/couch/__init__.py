"""All that speaks to CouchDB."""
