"""The job template: Open Job Description 2023-09 with the extension TASK_CHUNKING."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vimatte.errors import ConfigError
from vimatte.frames.frame_range import FrameRange
from vimatte.models.instruction_set import CHOICES, OPTION, environment_for

SPECIFICATION = "jobtemplate-2023-09"
# Between SIGTERM and SIGKILL: a frame at 4K on a slow node ends within it.
NOTICE_SECONDS = 60
DAY = 86_400


@dataclass(frozen=True)
class FarmOptions:
    """What a job asks of its nodes.

    Attributes
    ----------
    segments_per_task : int
        How many segments one task mattes.
    vimatte : str
        The command on the nodes.
    device : {"auto", "cpu", "cuda"}
        With ``cuda`` every matting task asks for a GPU.
    cores : int
    memory : int
        MiB.
    gpu_memory : int
        MiB, of the one GPU.
    publish : tuple of str
        Options of ``vimatte matte`` that say which files are published.
    frames : str
        The part of the shot to work on; empty: all of it.
    weights, cache : str
        Absolute; empty: the packaged weights, and the cache in the output folder.
    names : str
        Of the instances, in the order they are found.
    cpu_isa : {"native", "avx2", "sse4"}
        The best vector instructions that nodes use; see `vimatte.models.instruction_set`.
    """

    segments_per_task: int = 1
    vimatte: str = "vimatte"
    device: str = "auto"
    cores: int = 2
    memory: int = 4096
    gpu_memory: int = 4096
    publish: tuple[str, ...] = ()
    frames: str = ""
    weights: str = ""
    cache: str = ""
    names: str = ""
    cpu_isa: str = "native"

    def __post_init__(self) -> None:
        if self.segments_per_task < 1 or self.cores < 1 or self.memory < 1 or self.gpu_memory < 1:
            raise ConfigError("a job asks for at least one segment, core and MiB")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"no device is called {self.device!r}", hint="use auto, cpu or cuda")
        environment_for(self.cpu_isa)  # refuses what there is not


def lattice_cells(frames: FrameRange, segment: int) -> FrameRange:
    """Return the numbers of the segments' lattice cells that frames lie in: frame // segment."""
    return FrameRange.of({frame // segment for frame in frames})


def job_template(
    shot: str, frames: FrameRange, segment: int, keep_state: int, options: FarmOptions
) -> dict[str, Any]:
    """Return the template of a shot's job.

    Parameters
    ----------
    shot : str
        The job's name.
    frames : FrameRange
    segment : int
        S of the session; 0 makes a chain of steps, each from the state the one before it kept.
    keep_state : int
        K of the session; such a chain is cut at multiples of it.
    options : FarmOptions
    """
    guidance = {
        "name": "Guidance",
        "hostRequirements": _host(options, gpu=False),
        "script": _script(options, "guide", "{{Param.Session}}", *_names(options)),
    }
    mattes = [_chunked(options)] if segment else _chain(frames, keep_state, options)
    assemble = {
        "name": "AssembleAndVerify",
        "dependencies": [{"dependsOn": mattes[-1]["name"]}],
        "hostRequirements": _host(options, gpu=False),
        "script": _script(options, "verify", "{{Param.Session}}", "--qc", *_part(options)),
    }
    return {
        "specificationVersion": SPECIFICATION,
        **({"extensions": ["TASK_CHUNKING"]} if segment else {}),
        "name": f"vimatte {shot}"[:128],
        "description": f"Instance mattes of {shot}, frames {_short(frames)}",
        "parameterDefinitions": _parameters(frames, segment, options),
        "jobEnvironments": [_environment()],
        "steps": [guidance, *mattes, assemble],
    }


def _parameters(frames: FrameRange, segment: int, options: FarmOptions) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": "Session", "type": "PATH", "objectType": "FILE", "dataFlow": "IN",
            "description": "The session file, which names the plate.",
            "userInterface": {"control": "CHOOSE_INPUT_FILE", "label": "Session"},
        },
        {
            "name": "Out", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "INOUT",
            "description": "Where mattes and the cache go; every node must reach it.",
            "userInterface": {"control": "CHOOSE_DIRECTORY", "label": "Output"},
        },
        {
            "name": "Vimatte", "type": "STRING", "default": options.vimatte, "minLength": 1,
            "description": "The command on the nodes.",
            "userInterface": {"control": "LINE_EDIT", "label": "vimatte command"},
        },
        {
            "name": "Device", "type": "STRING", "default": options.device,
            "allowedValues": ["auto", "cpu", "cuda"],
            "userInterface": {"control": "DROPDOWN_LIST", "label": "Device"},
        },
        {
            "name": "CpuIsa", "type": "STRING", "default": options.cpu_isa,
            "allowedValues": list(CHOICES),
            "description": "The best vector instructions that nodes use: the same ones on all "
            "of them give equal bits.",
            "userInterface": {"control": "DROPDOWN_LIST", "label": "CPU instructions"},
        },
    ]  # fmt: skip
    if options.weights:
        parameters.append(
            {
                "name": "Weights", "type": "PATH", "objectType": "FILE", "dataFlow": "IN",
                "default": options.weights, "description": "The network's weights.",
                "userInterface": {"control": "CHOOSE_INPUT_FILE", "label": "Weights"},
            }
        )  # fmt: skip
    if options.cache:
        parameters.append(
            {
                "name": "Cache", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "INOUT",
                "default": options.cache, "description": "The cache; every node must reach it.",
                "userInterface": {"control": "CHOOSE_DIRECTORY", "label": "Cache"},
            }
        )  # fmt: skip
    if segment:
        cells = lattice_cells(frames, segment)
        parameters += [
            {
                "name": "Segments", "type": "STRING", "default": str(cells), "minLength": 1,
                "description": f"Segment N holds the frames {segment} * N to "
                f"{segment} * N + {segment - 1}; this shot has {_short(frames)}.",
            },
            {
                "name": "SegmentsPerTask", "type": "INT", "default": options.segments_per_task,
                "minValue": 1, "maxValue": 10_000,
            },
        ]  # fmt: skip
    return parameters


def _chunked(options: FarmOptions) -> dict[str, Any]:
    return {
        "name": "Matte",
        "dependencies": [{"dependsOn": "Guidance"}],
        "hostRequirements": _host(options, gpu=options.device == "cuda"),
        "parameterSpace": {
            "taskParameterDefinitions": [
                {
                    "name": "Segments",
                    "type": "CHUNK[INT]",
                    "range": "{{Param.Segments}}",
                    "chunks": {
                        "defaultTaskCount": "{{Param.SegmentsPerTask}}",
                        "rangeConstraint": "CONTIGUOUS",
                    },
                }
            ]
        },
        "script": _script(
            options,
            "matte",
            "{{Param.Session}}",
            "--segments",
            "{{Task.Param.Segments}}",
            *_part(options),
            *options.publish,
        ),
    }


def _chain(frames: FrameRange, keep_state: int, options: FarmOptions) -> list[dict[str, Any]]:
    """One step a stretch, each after the one before it."""
    size = keep_state * max(1, 8 * options.segments_per_task)
    cells = sorted({(frame - 1) // size for frame in frames})
    steps: list[dict[str, Any]] = []
    for number, cell in enumerate(cells, start=1):
        part = frames.intersect(FrameRange.span(cell * size + 1, (cell + 1) * size))
        before = steps[-1]["name"] if steps else "Guidance"
        steps.append(
            {
                "name": f"Matte{number:04d}",
                "dependencies": [{"dependsOn": before}],
                "hostRequirements": _host(options, gpu=options.device == "cuda"),
                "script": _script(
                    options, "matte", "{{Param.Session}}", "--frames", str(part), *options.publish
                ),
            }
        )
    return steps


def _host(options: FarmOptions, *, gpu: bool) -> dict[str, Any]:
    amounts: list[dict[str, Any]] = [
        {"name": "amount.worker.vcpu", "min": options.cores},
        {"name": "amount.worker.memory", "min": options.memory},
    ]
    if gpu:
        amounts += [
            {"name": "amount.worker.gpu", "min": 1},
            {"name": "amount.worker.gpu.memory", "min": options.gpu_memory},
        ]
    return {"amounts": amounts}


def _names(options: FarmOptions) -> list[str]:
    return ["--names", options.names] if options.names else []


def _part(options: FarmOptions) -> list[str]:
    return ["--frames", options.frames] if options.frames else []


def _script(options: FarmOptions, command: str, *arguments: str) -> dict[str, Any]:
    common = ["-o", "{{Param.Out}}", "--device", "{{Param.Device}}", "--openjd"]
    common += [OPTION, "{{Param.CpuIsa}}"]
    common += ["--weights", "{{Param.Weights}}"] if options.weights else []
    common += ["--cache", "{{Param.Cache}}"] if options.cache else []
    mapping = ["--path-map-file", "{{Session.PathMappingRulesFile}}"]
    quiet = ["--no-qc"] if command == "matte" else []
    return {
        "actions": {
            "onRun": {
                "command": "{{Param.Vimatte}}",
                "args": [command, *arguments, *common, *mapping, *quiet],
                "timeout": DAY,
                "cancelation": {
                    "mode": "NOTIFY_THEN_TERMINATE",
                    "notifyPeriodInSeconds": NOTICE_SECONDS,
                },
            }
        }
    }


def _environment() -> dict[str, Any]:
    """Fail at once, and say why, where a node has no vimatte."""
    return {
        "name": "Vimatte",
        "script": {
            "actions": {
                "onEnter": {"command": "{{Param.Vimatte}}", "args": ["--version"], "timeout": 120}
            }
        },
    }


def _short(frames: FrameRange) -> str:
    text = str(frames)
    return text if len(text) <= 60 else f"{frames.first} to {frames.last}, with gaps"
