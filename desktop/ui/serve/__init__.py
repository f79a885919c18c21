"""The page Serve: the models of this computer for other programs."""
