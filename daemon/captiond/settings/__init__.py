"""Everything a user may choose: TOML file, environment, flags, defaults. Only `app` and `cli` see it."""

from .schema import Settings, changed_needing_restart, load, setting_names, taking_over

__all__ = ["Settings", "changed_needing_restart", "load", "setting_names", "taking_over"]
