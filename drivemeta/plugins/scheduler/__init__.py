"""What authors of schedulers build on: the protocol, features of a running pipeline."""
