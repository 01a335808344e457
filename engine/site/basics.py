"""The few keys of gatepost.yaml that are read without loading a site, and what holds where they are unset.

`engine.site.settings` declares them with all the others; commands that must start quickly read them alone.
Imports nothing.
"""

from __future__ import annotations

__all__ = ["DATA", "NAME", "OPEN_TO", "OWNER", "TIMEZONE", "TRAYS", "UNLESS"]

NAME = "site"
DATA = "data"
TIMEZONE = "timezone"
TRAYS = "trays"
OWNER = "owner"  # of a tray
OPEN_TO = "open_to"
UNLESS = {DATA: "var", TIMEZONE: "Europe/London"}
"""The values of keys that need not be written."""
