"""Everything learned or exchangeable is a plugin: manifests, discovery, registry, protocols."""

from drivemeta.plugins.loaded import Loaded
from drivemeta.plugins.manifest import PluginManifest
from drivemeta.plugins.registry import Registry, default_registry

__all__ = ["Loaded", "PluginManifest", "Registry", "default_registry"]
