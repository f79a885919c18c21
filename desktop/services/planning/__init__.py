"""How a load is planned: memory, placement and speed before it runs, and what was measured afterwards."""
