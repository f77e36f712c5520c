"""What authors of level-1 networks build on: the protocol."""
