"""The processors that torch can use here, in words."""

from __future__ import annotations

import torch


def describe() -> list[tuple[str, str]]:
    """Return what and which, e.g. ``("GPU 0", "NVIDIA A4000, 16117 MiB")``; the CPU first."""
    capability = torch.backends.cpu.get_cpu_capability()
    found = [("CPU", f"{torch.get_num_threads()} threads, {capability}")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            found.append((f"GPU {index}", f"{about.name}, {about.total_memory >> 20} MiB"))
    return found
