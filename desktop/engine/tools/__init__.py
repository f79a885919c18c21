"""Short-lived helpers on llama-cpp-python: tensor numbers, calibration, tokenizing, chat templates."""
