"""The settings: a dialog of pages, whose rows follow from the declarations of desktop/store/options.py."""
