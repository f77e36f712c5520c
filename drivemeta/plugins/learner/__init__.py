"""What authors of learners build on: the protocol, episodes, rows, heads, inner loops."""
