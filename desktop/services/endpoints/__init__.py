"""Other servers whose models stand beside this computer's: added by address and key, tested, asked."""
