#!/usr/bin/env python3
"""Install vimatte into a virtual environment beside this file. Standard library only.

    python3 install.py             make .venv and install vimatte
    python3 install.py demo        ... and matte the people of a real clip into demo/
    python3 install.py test        ... and run the whole test suite (after --: pytest's arguments)
    python3 install.py nuke        ... and let the user's Nuke find the plug-in
    python3 install.py blender     ... and build the extension, install it in a Blender found
    python3 install.py --uninstall remove what was made here (with nuke: only from Nuke)

Safe to repeat: what is complete is left alone, what is half done or damaged is repaired.

Exit codes: 0 done; 1 a step failed; 2 malformed command line; 3 this Python cannot be used;
4 the folder is not ours to touch; 130 stopped. demo and test end with the code of what they ran.
"""

import sys

if sys.version_info < (3, 10):  # before the other imports; this file parses on Python 3.6 and newer
    sys.stderr.write(
        "install.py: error: vimatte needs Python 3.10 or newer, this is %d.%d (%s)"
        " (hint: run it as python3.10 install.py, or newer)\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(3)

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MARKER = "vimatte-install.json"
LOG = "vimatte-install.log"
EXTRAS = ("people", "farm", "ui", "dev")
SHOWN = ("Downloading ", "Installing collected", "Attempting uninstall")

# Runs inside the environment: is every installed file there and whole, and which vimatte is it.
PROBE = """
import csv, importlib.util, json, pathlib, sys, sysconfig
damage = []
for site in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
    site = pathlib.Path(site)
    damage += [f"{left.name} is left over" for left in site.glob("~*")]
    for info in sorted(site.glob("*.dist-info")):
        name = info.name.partition("-")[0]
        try:
            with (info / "RECORD").open(newline="", encoding="utf-8") as record:
                for path, _, size in csv.reader(record):
                    file = site / path
                    if path.endswith(".pyc"):  # Python writes these anew whenever it likes
                        continue
                    if size and (not file.is_file() or file.stat().st_size != int(size)):
                        damage.append(f"{path} of {name} is missing or cut short")
                        break
        except (OSError, ValueError):
            damage.append(f"{name} is half installed")
spec = importlib.util.find_spec("vimatte")
vimatte = spec and spec.origin
print(json.dumps({"damage": damage, "python": sys.version_info[:2], "vimatte": vimatte}))
"""
TORCH_PROBE = "import torch; print(torch.version.cuda or 'cpu')"


class InstallError(Exception):
    """One clear line for the user, and the exit code it ends with."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    venv: Path
    extras: frozenset[str]
    torch: str
    torch_index: str | None
    dry_run: bool


@dataclass(frozen=True)
class State:
    """What lies at the environment's path: absent, broken (why), or intact, with its marker."""

    absent: bool = False
    broken: str = ""
    digest: str = ""
    extras: frozenset[str] = frozenset()
    torch: str = "auto"


def say(line: str) -> None:
    print(f"install.py: {line}", flush=True)


def python_of(venv: Path) -> Path:
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def quiet_environment() -> dict[str, str]:
    """Return the environment for pip: the user's index settings, and nothing that leads astray."""
    astray = {"PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV"}
    env = {name: value for name, value in os.environ.items() if name not in astray}
    # The build backend is pinned as well: old pips read the first variable for it, new the second.
    pinned = {"PIP_CONSTRAINT": "constraints.txt", "PIP_BUILD_CONSTRAINT": "constraints.txt"}
    return {**env, **pinned, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def inspect(venv: Path, *, finished: bool = False) -> State:
    """Look, without changing anything. Raises InstallError (4) for a folder that is not ours.

    `finished` expects all of vimatte there, as a marker with a digest does.
    """
    if not venv.exists() or (venv.is_dir() and not any(venv.iterdir())):
        return State(absent=True)
    if not (venv / MARKER).is_file():
        raise InstallError(
            f"{venv} exists and was not made by install.py"
            " (hint: move it away, or name another folder with --venv)",
            4,
        )
    try:
        marker = json.loads((venv / MARKER).read_text(encoding="utf-8"))
        digest = str(marker["digest"])
        torch = str(marker["torch"]) if digest else "auto"  # a failed choice does not stick
        extras = frozenset(map(str, marker["extras"]))
    except (ValueError, KeyError, TypeError):
        return State(broken="its marker file is unreadable")
    try:
        found = json.loads(run_python(venv, "-c", PROBE))
    except (OSError, ValueError, subprocess.SubprocessError):
        return State(broken="its Python does not run", extras=extras, torch=torch)
    home, broken = Path(found["vimatte"] or ROOT).parent, ""
    if found["python"] != list(sys.version_info[:2]):
        broken = "it was made with another Python, {}.{}".format(*found["python"])
    elif found["damage"]:
        broken = found["damage"][0]
    elif (digest or finished) and home != ROOT / "core" / "vimatte":
        broken = "it does not hold the vimatte of this folder"
    return State(broken=broken, digest=digest, extras=extras, torch=torch)


def run_python(venv: Path, *arguments: str) -> str:
    """Run the environment's Python apart from the user's settings; return what it printed."""
    command = [str(python_of(venv)), "-I", "-B", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


def wanted_digest() -> str:
    """Return the digest of all that decides what gets installed, but for extras and torch."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    machine = f"{sys.version_info[:2]} {platform.machine()} {sys.platform}".encode()
    return hashlib.sha256(b"\0".join([*files, machine])).hexdigest()


def torch_command(request: Request, torch: str) -> list[str]:
    """Return pip's arguments that install the build of torch that is asked for.

    Linux indexes carry CPU builds under the local label ``+cpu``; the ordinary build, without a
    label, is the CUDA one, and ``===`` admits only that. Elsewhere there is no label.
    """
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirement = next((line for line in pins if line.startswith("torch==")), "torch")
    if sys.platform == "linux" and torch == "cpu":
        requirement += "+cpu"
    elif sys.platform == "linux" and torch == "cuda" and not request.torch_index:
        requirement = requirement.replace("==", "===")
    index = request.torch_index
    if not index:
        return [requirement]
    return ["--extra-index-url" if "://" in index else "--find-links", index, requirement]


def install(request: Request) -> None:
    """Bring the environment to what `request` asks for, from whatever state it is in."""
    venv, started = request.venv, time.monotonic()
    state, digest = inspect(venv), wanted_digest()
    torch = state.torch if request.torch == "auto" else request.torch
    extras = request.extras | state.extras
    if state.digest and not state.broken and torch != state.torch:
        state = State(broken=f"it has another build of torch ({state.torch})")
    if not state.broken and state.digest == digest and extras == state.extras:
        say(f"vimatte is installed in {venv}")
        return
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        raise InstallError(
            f"{sys.executable} cannot make virtual environments"
            " (hint: on Debian and Ubuntu: apt-get install python3-venv)",
            3,
        )
    if state.broken:
        say(f"{venv} is made anew: {state.broken}")
        remove(venv, request.dry_run)
    pip = [str(python_of(venv)), "-m", "pip", "install", "--no-input", "-c", "constraints.txt"]
    steps = [
        ("torch (the largest part)", [*pip, *torch_command(request, torch)]),
        ("vimatte and the rest", [*pip, "-e", f".[{','.join(sorted(extras))}]"]),
        ("checking", [str(python_of(venv)), "-m", "pip", "check"]),
    ]
    if state.absent or state.broken:
        steps.insert(0, ("virtual environment", [sys.executable, "-m", "venv", str(venv)]))
    if not request.dry_run:
        venv.mkdir(parents=True, exist_ok=True)
        write_marker(venv, "", extras, torch)
    for number, (title, command) in enumerate(steps, 1):
        say(f"[{number}/{len(steps)}] {title}")
        if request.dry_run:
            say("would run: " + shlex.join(command))
        else:
            run_step(title, command, venv / LOG)
    if request.dry_run:
        return
    verify(venv, torch)
    write_marker(venv, digest, extras, torch)
    say(f"vimatte is installed in {venv} ({time.monotonic() - started:.0f} s)")


def run_step(title: str, command: list[str], log: Path) -> None:
    """Run one step: all it says goes to the log, what shows progress to the terminal as well."""
    lines: list[str] = []
    with log.open("a", encoding="utf-8") as record:
        record.write("$ " + shlex.join(command) + "\n")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=quiet_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                record.write(line)
                if line.strip().startswith(SHOWN):
                    say("  " + line.strip()[:90])
                if line.strip() and not line.startswith(("WARNING", "[notice]")):
                    lines.append(line.strip())
    if process.returncode == 0:
        return
    first = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "")
    hint = "see the log, run again to go on"
    if "+cpu" in first:
        hint = "no CPU build on your index: name one that has it with --torch-index"
    elif "from versions: none" in first:
        hint = "is the package index reachable? run again to go on"
    raise InstallError(f"{title}: {first[:160]} | {log} (hint: {hint})")


def verify(venv: Path, torch: str) -> None:
    """Check the finished environment as a later run would, and that torch is what was asked."""
    left = inspect(venv, finished=True)
    if left.broken:
        raise InstallError(f"the installation is not whole: {left.broken} (hint: run again)")
    try:
        build = run_python(venv, "-c", TORCH_PROBE).strip()
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", "") or "").strip().splitlines()
        raise InstallError(f"torch does not start: {said[-1] if said else error}") from error
    if torch != "auto" and (torch == "cpu") != (build == "cpu"):
        raise InstallError(
            f"your package index gave torch for {build}, not for {torch}"
            " (hint: name an index that has it with --torch-index)"
        )
    say(f"torch for {build if build == 'cpu' else 'CUDA ' + build}")


def write_marker(venv: Path, digest: str, extras: frozenset[str], torch: str) -> None:
    """Write the marker: the folder is ours; with a digest: and it is complete."""
    text = json.dumps({"digest": digest, "extras": sorted(extras), "torch": torch}) + "\n"
    temporary = venv / (MARKER + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(venv / MARKER)


def remove(folder: Path, dry_run: bool) -> None:
    """Remove a folder that is ours; the marker goes last, so that an interruption can go on."""
    if folder.is_symlink():
        raise InstallError(f"{folder} is a link; remove it by hand", 4)
    if dry_run:
        say(f"would remove {folder}")
        return
    for entry in sorted(folder.iterdir(), key=lambda path: path.name == MARKER):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    folder.rmdir()
    say(f"removed {folder}")


def uninstall(request: Request) -> None:
    """Remove the environment and the build's leftovers; mattes, caches and sources stay."""
    if inspect(request.venv).absent:
        say(f"nothing to remove: no {request.venv}")
    else:
        remove(request.venv, request.dry_run)
    leftover = ROOT / "core" / "vimatte.egg-info"
    if leftover.is_dir():
        remove(leftover, request.dry_run)


def follow(command: list[str], dry_run: bool) -> int:
    """Run a command in the checkout with the terminal as it is; return its exit code."""
    if dry_run:
        say("would run: " + shlex.join(command))
        return 0
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def demo(request: Request) -> int:
    """Matte the people of the demo clip and say where the results are."""
    vimatte = str(python_of(request.venv).with_name("vimatte"))
    fetch = [vimatte, "weights", "fetch", "demo-clip", "--json"]
    out = ROOT / "demo" / "bikes"
    matte = [vimatte, "matte", "bikes.mp4", "-o", str(out), "--guidance", "people"]
    if request.dry_run:
        follow(fetch, dry_run=True)
        return follow(matte, dry_run=True)
    say("demo: fetching a real clip")
    fetched = subprocess.run(fetch, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if fetched.returncode:
        return fetched.returncode
    events = [json.loads(line) for line in fetched.stdout.splitlines()]
    folder = next(event["folder"] for event in events if event["type"] == "fetched")
    matte[2] = str(Path(folder) / matte[2])
    say("demo: matting its people, some minutes on a CPU; stop and repeat as you like")
    code = follow(matte, dry_run=False)
    if code == 0:
        newest = max(out.glob("v[0-9]*"), default=out)
        say(f"demo: the mattes are in {newest}; {newest / 'qc.html'} shows them in a browser")
    return code


def suite(request: Request, arguments: list[str]) -> int:
    """Run the whole test suite with the environment's Python."""
    python = str(python_of(request.venv))
    os.environ["VIMATTE_PYTHON"] = python
    if os.name == "nt":
        return follow([python, "-m", "pytest", "-m", "not demand", *arguments], request.dry_run)
    return follow(["bash", "scripts/test", "--slow", *arguments], request.dry_run)


def host(options: argparse.Namespace, venv: Path) -> int:
    """Install the adapter of a host program."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import install_hosts  # noqa: PLC0415 - of the checkout beside

    hosts = {"nuke": install_hosts.nuke, "blender": install_hosts.blender}
    return hosts[options.what](options, python_of(venv), say)


def parse(arguments: list[str]) -> argparse.Namespace:
    ours, theirs = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        ours, theirs = arguments[:cut], arguments[cut + 1 :]
    parser = argparse.ArgumentParser(
        prog="install.py",
        description="Install vimatte into a virtual environment; repeat it to repair or extend.",
    )
    add = parser.add_argument
    add(
        "what",
        nargs="?",
        choices=["demo", "test", "nuke", "blender"],
        help="what to run afterwards",
    )
    add("--dry-run", action="store_true", help="say what would be done, do nothing")
    add("--uninstall", action="store_true", help="remove what install.py made")
    torch = "build of PyTorch; auto: what your package index gives (on Linux usually CUDA)"
    add("--torch", choices=["cpu", "cuda", "auto"], default="auto", help=torch)
    add("--torch-index", metavar="URL|DIR", help="index or wheel folder to find torch in as well")
    parts = f"more parts to install, of {', '.join(EXTRAS)} (people always is)"
    add("--extras", metavar="A,B", default="", help=parts)
    add("--venv", metavar="DIR", type=Path, default=ROOT / ".venv", help="default: .venv here")
    add("--nuke-dir", metavar="DIR", type=Path, help="for nuke; default: .nuke in your home")
    add("--blender", metavar="PROGRAM", type=Path, help="for blender; default: the one on PATH")
    options = parser.parse_args(ours)
    options.extras = {name for name in options.extras.replace(" ", "").split(",") if name}
    unknown = options.extras - set(EXTRAS)
    if unknown:
        parser.error(f"--extras: no {', '.join(sorted(unknown))}; known: {', '.join(EXTRAS)}")
    if theirs and options.what != "test":
        parser.error("arguments after -- are only for test")
    if options.uninstall and options.what not in (None, "nuke"):
        parser.error(f"--uninstall and {options.what} do not go together")
    options.arguments = theirs
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    for name in ("PYTHONPATH", "PYTHONHOME"):  # no other vimatte than the one installed
        os.environ.pop(name, None)
    extras = {"people", "farm", *options.extras, *(["dev", "ui"] if options.what == "test" else [])}
    index = options.torch_index
    if index and "://" not in index:
        index = str(Path.cwd() / index)
    venv = Path.cwd() / options.venv
    request = Request(venv, frozenset(extras), options.torch, index, options.dry_run)
    try:
        return act(options, request)
    except (InstallError, OSError) as error:
        print(f"install.py: error: {error}", file=sys.stderr)
        return error.code if isinstance(error, InstallError) else 1
    except KeyboardInterrupt:
        print("install.py: stopped; run it again to go on", file=sys.stderr)
        return 130


def act(options: argparse.Namespace, request: Request) -> int:
    if options.uninstall and options.what == "nuke":
        return host(options, request.venv)
    if options.uninstall:
        uninstall(request)
        return 0
    install(request)
    if options.what == "demo":
        return demo(request)
    if options.what == "test":
        return suite(request, options.arguments)
    if options.what in ("nuke", "blender"):
        return host(options, request.venv)
    say(f"next: {python_of(request.venv).with_name('vimatte')} --help")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
