"""One reader a format; each returns a `Dataset`."""
