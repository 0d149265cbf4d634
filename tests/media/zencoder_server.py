"""Zencoder as its documentation tells of it, on a local socket and with FFmpeg behind it, so that pictures are real."""

import json
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.media.conftest import run_ffmpeg

KEY = "a-key-of-ours"


@dataclass
class Job:
    id: int
    order: dict[str, Any]
    state: str = "processing"
    made: dict[str, Path] = field(default_factory=dict)
    thumbnails: list[Path] = field(default_factory=list)
    tries: int = 0


class ZencoderServer:
    """What a test may set: faults by "METHOD action" (statuses answered before the true one), and how jobs go.

    fails: how many tries of a job fail first; told: how often the end is notified; stuck: no job ever ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[int, Job] = {}
        self.calls: list[str] = []
        self.faults: dict[str, list[int]] = defaultdict(list)
        self.fails, self.told, self.stuck, self.slow_s = 0, 1, False, 0.0
        self.answers_told: list[int] = []
        self.offers: dict[str, Path] = {}
        self.work: list[threading.Thread] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, content = outer.answer(self.command, self.path, body, self.headers.get("Zencoder-Api-Key"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer  # noqa: N815  # the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.base_url = f"{self.address}/api/v2/"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self.work:
            thread.join(30)
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def offered(self, clip: Path) -> Iterator[str]:
        """Give a clip an address for a while, as the product does by its own web server."""
        token = f"clip-{len(self.offers)}"
        self.offers[token] = clip
        try:
            yield f"{self.address}/offered/{token}"
        finally:
            del self.offers[token]

    def answer(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, bytes]:
        place = urlsplit(path).path
        if place.startswith("/offered/"):
            clip = self.offers.get(place.rpartition("/")[2])
            return (200, clip.read_bytes()) if clip else (404, b"")
        if place.startswith("/made/"):
            assert key is None, "our key is for Zencoder's API alone"
            return self.fault("GET made") or (200, (self.folder / place.removeprefix("/made/")).read_bytes())
        return self.api(method, place.removeprefix("/api/v2/"), body, key)

    def api(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, bytes]:
        found = re.fullmatch(r"jobs(?:/(\d+)(?:/(progress|cancel|resubmit))?)?", path)
        if key != KEY or found is None:
            return 401 if found else 404, b"{}"
        action = found[2] or ("create" if method == "POST" else "details")
        time.sleep(self.slow_s)
        if refused := self.fault(f"{method} {action}"):
            return refused
        if action == "create":
            return 201, self.create(body)
        job = self.jobs.get(int(found[1]))
        return (404, b"{}") if job is None else getattr(self, action)(job)

    def fault(self, call: str) -> tuple[int, bytes] | None:
        self.calls.append(call)
        status = self.faults[call].pop(0) if self.faults[call] else 0
        return (status, b'{"errors": ["no"]}') if status else None

    def create(self, order: dict[str, Any]) -> bytes:
        job = Job(len(self.jobs) + 1, order)
        self.jobs[job.id] = job
        self.begin(job)
        outputs = [{"id": 100 + job.id, "label": order["outputs"][0].get("label"), "url": None}]
        return json.dumps({"id": job.id, "outputs": outputs}).encode()

    def progress(self, job: Job) -> tuple[int, bytes]:
        told = {"state": job.state, "progress": 32.3, "input": {"id": 1, "state": "finished", "progress": "100.0"}}
        return 200, json.dumps(told | {"outputs": [{"id": 100 + job.id, "state": job.state}]}).encode()

    def details(self, job: Job) -> tuple[int, bytes]:
        files = [
            {"id": 9, "label": label, "url": self.url(file), "state": "finished"} for label, file in job.made.items()
        ]
        # Not in their order: nothing says that Zencoder keeps it.
        shown = [{"id": n, "url": self.url(file)} for n, file in reversed(list(enumerate(job.thumbnails)))]
        told = {"id": job.id, "state": job.state, "pass_through": job.order.get("pass_through")}
        return 200, json.dumps({"job": told | {"output_media_files": files, "thumbnails": shown}}).encode()

    def cancel(self, job: Job) -> tuple[int, bytes]:
        if job.state == "finished":
            return 409, b""
        job.state = "cancelled"
        return 204, b""

    def resubmit(self, job: Job) -> tuple[int, bytes]:
        if job.state == "finished":
            return 409, b""
        self.begin(job)
        return 204, b""

    def url(self, file: Path) -> str:
        return f"{self.address}/made/{file.relative_to(self.folder)}?Signature=abc"

    def begin(self, job: Job) -> None:
        job.state = "processing"
        job.tries += 1
        thread = threading.Thread(target=self.do, args=(job,))
        self.work.append(thread)
        thread.start()

    def do(self, job: Job) -> None:
        if self.stuck:
            return
        try:
            fetched = httpx.get(job.order["input"]).raise_for_status().content
            self.make(job, job.order["outputs"][0], fetched)
            job.state = "failed" if job.tries <= self.fails else "finished"
        except (httpx.HTTPError, subprocess.CalledProcessError):
            job.state = "failed"
        self.tell(job)

    def make(self, job: Job, output: dict[str, Any], fetched: bytes) -> None:
        """Make the copy with all that the clip says of itself, and a picture for each time that the clip reaches."""
        folder = self.folder / str(job.id)
        folder.mkdir(exist_ok=True)
        clip, copy = folder / "input", folder / "output.mp4"
        clip.write_bytes(fetched)
        side = output["width"]
        fitting = f"scale='min(iw,{side})':'min(ih,{side})':force_original_aspect_ratio=decrease:force_divisible_by=2"
        silent = ("-an",) if output.get("skip_audio") else ()
        run_ffmpeg(
            *("-i", str(clip), "-vf", f"{fitting},fps={output.get('max_frame_rate', 15)},format=yuv420p", *silent),
            *("-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", "-map_metadata", "0"),
            *("-movflags", "use_metadata_tags", str(copy)),
        )
        job.made, job.thumbnails = {output["label"]: copy}, []
        for asked in output.get("thumbnails", []):
            for number, at_s in enumerate(asked["times"]):
                picture = folder / f"frame_{number:04d}.{asked['format']}"
                size = asked["size"].replace("x", ":")
                wanted = ("-ss", str(at_s), "-i", str(clip), "-frames:v", "1", "-vf", f"scale={size}")
                with suppress(subprocess.CalledProcessError):  # beyond the end of the clip
                    run_ffmpeg(*wanted, str(picture))
                    job.thumbnails.append(picture)

    def tell(self, job: Job) -> None:
        told = {"job": {"id": job.id, "state": job.state, "pass_through": job.order.get("pass_through"), "test": False}}
        body = told | {"input": {"duration_in_ms": 4000}, "outputs": [{"id": 100 + job.id, "state": job.state}]}
        for notification in job.order.get("notifications", []):
            for _ in range(self.told):
                answer = httpx.post(notification["url"], json=body, headers=notification.get("headers"))
                self.answers_told.append(answer.status_code)
