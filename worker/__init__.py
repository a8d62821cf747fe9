"""Brings clusters to their spec: observe, decide, apply, in short steps."""
