"""What is inside a model file, here or still on the Hub."""
