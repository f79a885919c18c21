"""Models on this computer: finding, naming, fetching and removing them."""
