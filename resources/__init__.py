"""Icons, theme tokens and data tables with their provenance; read through ``importlib.resources``."""
