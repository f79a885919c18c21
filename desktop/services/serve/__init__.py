"""Models of this computer for other programs: which there are, in what memory, behind one address."""
