"""Icons, theme tokens and data tables with their provenance; read through ``desktop.system.packaged``."""
