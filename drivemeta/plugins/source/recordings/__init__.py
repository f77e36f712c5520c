"""Recordings of robots' messages: which topics hold pictures, and those pictures."""
