"""The command `kanto`: runs the whole service, or one part of it, on one machine."""
