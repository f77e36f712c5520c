"""Learning: base training, adaptation from a few shots, calibration."""
