"""What sink plugins are made of."""
