"""Floor 1: probes of this computer: CPU, memory, GPUs, bandwidth."""
