"""The HTTP door: the models of this computer for other programs. ``door.py`` opens it, each dialect has a folder."""
