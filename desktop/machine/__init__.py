"""Floor 2: probes of this computer: CPU, memory, GPUs, bandwidth."""
