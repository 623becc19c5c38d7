"""The processors that torch can use here, in words."""

from __future__ import annotations

import os

import torch


def computing(device: torch.device) -> str:
    """Return what computes on a device: two nodes of one name may be expected to give equal bits.

    Of a CPU it is the best vector instructions in use, ``avx512``, ``avx2`` or ``default``, which
    ``--cpu-isa`` chooses; of a GPU its name.
    """
    if device.type != "cpu":
        return str(torch.cuda.get_device_name(device))
    capability = torch.backends.cpu.get_cpu_capability().lower()
    least = os.environ.get("ONEDNN_MAX_CPU_ISA", "").lower()
    agrees = not least or capability == least or (capability, least) == ("default", "sse41")
    return capability if agrees else f"{capability} and {least}"


def describe() -> list[tuple[str, str]]:
    """Return what and which, e.g. ``("GPU 0", "NVIDIA A4000, 16117 MiB")``; the CPU first."""
    capability = torch.backends.cpu.get_cpu_capability()
    found = [("CPU", f"{torch.get_num_threads()} threads, {capability}")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            found.append((f"GPU {index}", f"{about.name}, {about.total_memory >> 20} MiB"))
    return found
