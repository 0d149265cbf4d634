"""The programs that make up a running Heirloom, as the supervisor and the tests start them."""

import sys

from heirloom import env, settings
from heirloom.embedded.children import Program

QUEUES = "media,vision,interactive,io"
_WEB_STOPS_WITHIN_S = 10


def web(host: str, port: int) -> Program:
    return _python(
        "web",
        *("-m", "uvicorn", "heirloom.asgi:application", "--host", host, "--port", str(port)),
        *("--lifespan", "off", "--no-access-log", "--no-server-header", "--log-level", settings.LOG_LEVEL.lower()),
        *("--timeout-graceful-shutdown", str(_WEB_STOPS_WITHIN_S)),
    )


def worker(queues: str = QUEUES) -> Program:
    """Return the worker: threads, because its heavy work runs in child processes of media and in the vision process."""
    return _python(
        "worker",
        *("-m", "celery", "-A", "heirloom", "worker", "--pool=threads", "-Q", queues, "-n", "worker@%h"),
        *("--concurrency", str(env.integer("WORKER_THREADS", 4)), "--loglevel", settings.LOG_LEVEL),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def beat() -> Program:
    return _python("beat", "-m", "celery", "-A", "heirloom", "beat", "--loglevel", settings.LOG_LEVEL, "--pidfile", "")


def vision() -> Program:
    return _python(
        "vision",
        *("-m", "heirloom.vision.server", "--socket", str(settings.VISION_SOCKET)),
        *("--models-dir", str(settings.MODELS_DIR), "--pack", settings.VISION_PACK),
    )


def manage(*arguments: str, name: str = "manage") -> Program:
    return _python(name, str(settings.BASE_DIR / "manage.py"), *arguments)


def _python(name: str, *arguments: str) -> Program:
    return Program(name, (sys.executable, *arguments))
