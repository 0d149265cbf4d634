"""The checks of `manage.py doctor` that concern the machine: they need no database and no other process."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from heirloom import env, settings
from heirloom.decision import policy_files, policy_words
from heirloom.decision.policy_cells import PolicyError
from heirloom.decision.recommended import recommended
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.embedded.active_pack import active_pack
from heirloom.embedded.findings import Finding, fault, ok, warning
from heirloom.embedded.report import ffmpeg_program, ffmpeg_version
from heirloom.errors import Refusal
from heirloom.media.confine import what_holds
from heirloom.media.transcode.ffmpeg_evidence import ENCODERS, encoders
from heirloom.vision import catalog

# distribution: import name
_MODULES = {
    "django": "django",
    "psycopg": "psycopg",
    "pgvector": "pgvector",
    "celery": "celery",
    "cryptography": "cryptography",
    "pillow": "PIL",
    "pillow-heif": "pillow_heif",
    "av": "av",
    "opencv-contrib-python-headless": "cv2",
    "dlib-bin": "dlib",
    "face-recognition-models": "face_recognition_models",
    "deepface": "deepface",
}
_DISK_LEAST_GB, _DISK_GOOD_GB = 1.0, 10.0
_CUDA_LIBRARIES = "CUDA's libraries: .venv/bin/pip install --no-deps --require-hashes -r requirements-gpu.txt"
_ATTACK_WEIGHTS = ("minifasnet-v2", "minifasnet-v1se")


def machine() -> Iterator[Finding]:
    """Check Python, the modules, FFmpeg, what holds decoders, the GPU, the disk and the weights."""
    yield python()
    yield modules()
    yield runtime()
    yield ffmpeg()
    yield decoding()
    yield gpu()
    yield disk()
    yield from weights()


def python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return ok("Python", detail)
    return fault("Python", detail, "Use Python 3.11, 3.12 or 3.13: make clean, then make run PYTHON=python3.12")


def modules() -> Finding:
    missing = [name for name, module in _MODULES.items() if find_spec(module) is None]
    if missing:
        return fault("Modules", f"missing: {', '.join(missing)}", "Install the lock: make clean, then make run")
    return ok("Modules", f"all {len(_MODULES)} found; Django {version('django')}, Celery {version('celery')}")


def runtime() -> Finding:
    """Two builds of ONNX Runtime write over each other's files, so one may be installed at most."""
    builds = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    if len(builds) == 1:
        return ok("ONNX Runtime", f"{builds[0]} {version(builds[0])}")
    return fault("ONNX Runtime", f"{len(builds)} builds installed", "Install the lock anew: make clean, then make run")


def ffmpeg() -> Finding:
    remedy = "Install FFmpeg (apt install ffmpeg), or name a program in FFMPEG_BINARY."
    try:
        if missing := ENCODERS - encoders(ffmpeg_program()):
            return fault("FFmpeg", f"{ffmpeg_version()} lacks {', '.join(sorted(missing))}", remedy)
        return ok("FFmpeg", ffmpeg_version())
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return fault("FFmpeg", f"does not run: {error}", remedy)
    except IndexError:
        return fault("FFmpeg", f"{ffmpeg_program()} says nothing of itself", remedy)


def decoding() -> Finding:
    """Say what the system keeps from the children that decode received files."""
    if missing := {"network", "files", "system calls"} - what_holds():
        detail = f"the system cannot keep from decoders: {', '.join(sorted(missing))}"
        return warning(
            "Decoders", detail, "Run on Linux 5.13 or later, with Landlock and seccomp (docs/hostile-files.md)."
        )
    return ok("Decoders", "held: no network, no file but their own, few system calls")


def gpu() -> Finding:
    """Ask the driver for the card, and ONNX Runtime whether a graph really lands on it."""
    wanted, card = settings.VISION_DEVICE, _card()
    if wanted == "cpu":
        return ok("GPU", f"not used (VISION_DEVICE=cpu); {card or 'none here'}")
    if (card or wanted == "cuda") and _runs_on_cuda():
        return ok("GPU", f"{card or 'a card that nvidia-smi does not show'}; CUDA works")
    if wanted == "cuda":
        detail = f"VISION_DEVICE=cuda, but its provider does not load; {card or 'no card found'}"
        return fault("GPU", detail, f"Install a driver and {_CUDA_LIBRARIES}, or set VISION_DEVICE=auto.")
    if card:
        detail = f"{card}, unused: ONNX Runtime's CUDA provider does not load"
        return warning("GPU", detail, f"To use it, install {_CUDA_LIBRARIES}")
    return ok("GPU", "none; the CPU is used")


def disk() -> Finding:
    folder = settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR
    free_gb = shutil.disk_usage(folder).free / 1e9
    detail, remedy = f"{free_gb:.1f} GB free in {folder}", "Free some space, or move the data: HEIRLOOM_VAR, STORAGES."
    if free_gb < _DISK_LEAST_GB:
        return fault("Disk", detail, remedy)
    return ok("Disk", detail) if free_gb >= _DISK_GOOD_GB else warning("Disk", detail, remedy)


def weights() -> Iterator[Finding]:
    """Check the files of the active pack, their hashes and terms, and those of the attack check."""
    pack = active_pack()
    yield from _pack(pack)
    yield from _recommended(pack)
    asked = env.text("VISION_PACK")
    if asked and asked != pack:
        remedy = f"python manage.py models activate {asked}, or leave VISION_PACK out."
        yield warning("Active pack", f"{pack} was activated; VISION_PACK={asked} is not heeded", remedy)
    yield _attack_weights()


def _pack(pack: str) -> Iterator[Finding]:
    part = f"Weights of {pack}"
    try:
        # Loads OpenCV and dlib, which may be what is missing here.
        from heirloom.vision.packs import offers  # noqa: PLC0415
    except ImportError as error:
        yield fault(part, f"cannot be looked at: {error}", "Install the lock: make clean, then make run")
        return
    try:
        offer = offers.packs(settings.MODELS_DIR)[offers.full_name(pack, settings.MODELS_DIR)]
        offer.require(settings.MODELS_DIR, settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED)
    except KeyError:
        yield fault(part, "there is no such pack", "python manage.py models list")
    except ValueError as error:
        yield fault(part, str(error), "Mend the description; docs/models/README.md explains each line.")
    except Refusal as refusal:
        yield fault(part, refusal.detail, refusal.entry.remedy)
    else:
        yield ok(part, f"{len(offer.states(settings.MODELS_DIR))} files, hashes right")
        yield whom_it_fails(pack, offer.model)


def whom_it_fails(pack: str, model: str) -> Finding:
    """Say which group of people a pack fails most, as its policy states it."""
    part, remedy = f"Whom {pack} fails", "Measure your own people, or take a pack whose groups lie nearer: docs/models."
    try:
        policy = policy_files.load(model, settings.POLICY_DIR)
    except PolicyError as error:
        return fault(part, str(error), "Mend or remove the file in POLICY_DIR.")
    words = policy_words.whom_it_fails(policy, VERIFICATION_FMR)
    if policy is None or policy.caveats(VERIFICATION_FMR):
        return warning(part, words, remedy)
    return ok(part, words)


def _recommended(pack: str) -> Iterator[Finding]:
    """Name the best pack of those that may be used here; nothing where they cannot be looked at, as is told above."""
    try:
        from heirloom.vision.packs.registry import Registry  # noqa: PLC0415 - as above
        from heirloom.vision.runtime import Runtime  # noqa: PLC0415

        acknowledged = settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED
        here = Registry(settings.MODELS_DIR, Runtime(), pack, acknowledged=acknowledged)
        best = recommended(here.infos(), settings.POLICY_DIR)
    except (ImportError, ValueError):
        return
    if best is None:
        remedy = "Measure one: python manage.py calibrate --groups, docs/models/README.md."
        yield warning("Best pack", "none here was measured within groups of people", remedy)
    elif best[0].name == here.active:
        yield ok("Best pack", f"the active one: {best[0].name} {best[1]}")
    else:
        remedy = f"python manage.py reembed switch {best[0].name}"
        yield warning("Best pack", f"{best[0].name} {best[1]}; {pack} is the active one", remedy)


def _attack_weights() -> Finding:
    part, pull = "Attack check", f"python manage.py models pull {' '.join(_ATTACK_WEIGHTS)}"
    states = {name: catalog.verify(name, settings.MODELS_DIR) for name in _ATTACK_WEIGHTS}
    if catalog.State.WRONG_HASH in states.values():
        return fault(part, "; ".join(f"{name}: {state}" for name, state in states.items()), f"Remove them, then {pull}")
    if all(state is catalog.State.OK for state in states.values()):
        return _vouched_for(part)
    if settings.ATTACK_CHECK_REQUIRED:
        but = ", or is approved by a challenge alone" if settings.CHALLENGE_ALONE_APPROVES else ""
        return warning(part, f"no weights: every verification that matches goes to a reviewer{but}", pull)
    return warning(part, "no weights, and waived by ATTACK_CHECK_REQUIRED=false: replays are not noticed", pull)


def _vouched_for(part: str) -> Finding:
    """Say what one check alone does to a match where the weights are here."""
    named = {
        "ATTACK_CHECK_REQUIRED=false": not settings.ATTACK_CHECK_REQUIRED,
        "CHALLENGE_ALONE_APPROVES=true": settings.CHALLENGE_ALONE_APPROVES,
    }
    if accepted := [name for name, is_set in named.items() if is_set]:
        said = f"MiniFASNet, hashes right; a file from anywhere may be approved: {', '.join(accepted)}"
        return warning(part, said, "Unset it to have a reviewer decide; docs/attacks.md says what passes.")
    alone = "is approved" if settings.PASSIVE_CHECK_ALONE_APPROVES else "goes to a reviewer"
    return ok(part, f"MiniFASNet, hashes right; a match that it alone vouches for {alone}")


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _card() -> str:
    """Return the name, memory and driver of the first GPU, or "" where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.used,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    name, used, total, driver = (field.strip() for field in said.splitlines()[0].split(","))
    return f"{name}, {used} of {total} MiB VRAM used, driver {driver}"


def _runs_on_cuda() -> bool:
    """Say whether a graph really runs on CUDA; in a process of its own, for a broken driver may take it down."""
    probe = [sys.executable, "-m", "heirloom.embedded.cuda_probe"]
    try:
        done = subprocess.run(probe, capture_output=True, check=False, timeout=60, cwd=settings.BASE_DIR)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
