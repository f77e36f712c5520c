"""Configuration: YAML with `extends:`, checked as a whole."""

from drivemeta.config.loading import load_config, validate

__all__ = ["load_config", "validate"]
