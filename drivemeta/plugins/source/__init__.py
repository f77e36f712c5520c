"""What authors of sources build on: the protocol, image files, recordings."""
