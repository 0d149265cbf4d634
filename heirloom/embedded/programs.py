"""The programs that make up a running Heirloom, as the supervisor and the tests start them."""

import sys
from pathlib import Path

from heirloom import env, settings
from heirloom.embedded.active_pack import active_pack
from heirloom.embedded.children import Program

QUEUES = "media,vision,interactive,io"
_WEB_STOPS_WITHIN_S = 10
# A client of live progress need send nothing; deploy/entrypoint.sh says the same to gunicorn.
_MOST_SOCKET_BYTES = 4096


def web(host: str, port: int) -> Program:
    return _python(
        "web",
        *("-m", "uvicorn", "heirloom.asgi:application", "--host", host, "--port", str(port)),
        *("--http", "heirloom.embedded.connections:UvicornConnection"),
        *("--lifespan", "off", "--no-access-log", "--no-server-header", "--log-level", settings.LOG_LEVEL.lower()),
        *("--timeout-graceful-shutdown", str(_WEB_STOPS_WITHIN_S), "--ws-max-size", str(_MOST_SOCKET_BYTES)),
        # Without a proxy of ours, whoever asks could say to come from anywhere, and no lock would ever close.
        *(() if settings.SECURE_PROXY_SSL_HEADER else ("--no-proxy-headers",)),
    )


def worker() -> Program:
    """Return the worker: threads, because its heavy work runs in child processes of media and in the vision process."""
    return _python(
        "worker",
        *(
            "-m",
            "celery",
            "-A",
            "heirloom",
            "worker",
            "--pool=threads",
            "-Q",
            env.text("WORKER_QUEUES", QUEUES),
            "-n",
            "worker@%h",
        ),
        *("--concurrency", str(env.integer("WORKER_THREADS", 4)), "--loglevel", settings.LOG_LEVEL),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def beat() -> Program:
    return _python("beat", "-m", "celery", "-A", "heirloom", "beat", "--loglevel", settings.LOG_LEVEL, "--pidfile", "")


def vision(pack: str = "") -> Program:
    """Return the vision process; pack: what it loads at its start, the active one if left out."""
    return _python(
        "vision",
        *("-m", "heirloom.vision.server", "--socket", str(settings.VISION_SOCKET)),
        *("--models-dir", str(settings.MODELS_DIR), "--pack", pack or active_pack(), "--device", _device()),
        *("--threads", str(settings.VISION_THREADS), "--given-model-defaults", settings.GIVEN_MODEL_DEFAULTS),
        *("--acknowledged", ",".join(settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED)),
        *("--idle-unload-s", str(settings.VISION_IDLE_UNLOAD_S), "--vram-limit-mb", str(settings.VRAM_LIMIT_MB)),
        *("--log-level", settings.LOG_LEVEL.lower()),
    )


def _device() -> str:
    """Return where models are to run; "auto" means on a GPU where the driver shows one."""
    if settings.VISION_DEVICE != "auto":
        return settings.VISION_DEVICE
    return "cuda" if Path("/dev/nvidiactl").exists() else "cpu"


def manage(*arguments: str, name: str = "manage") -> Program:
    return _python(name, str(settings.BASE_DIR / "manage.py"), *arguments)


def _python(name: str, *arguments: str) -> Program:
    return Program(name, (sys.executable, *arguments))
