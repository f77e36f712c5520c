"""What authors of trackers build on: the protocol, association, camera motion."""
