"""Which names the network knows, and which ports are open: asked by making webhooks, and read off the answers."""

from collections.abc import Iterator

from bench.intrusion.target import Finding, Target

ASKED = (
    "https://localhost/",
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://169.254.169.254/",
    "https://nobody.invalid/",
    "https://postgres.internal/",
)
PORTS = (22, 25, 80, 5432, 6379, 8080)


def attack(target: Target) -> Iterator[Finding]:
    post = target.caller("client")._http.post

    def answer(url: str) -> tuple[int, bytes]:
        told = post("/api/v1/webhooks/", json={"url": url, "events": ["verification.decided"]})
        return told.status_code, told.content

    names = {answer(url) for url in ASKED}
    yield Finding(
        held={status for status, _ in names} == {422} and len(names) == 1,
        figure=f"{len(ASKED)} names, inside and nowhere: {len(names)} different answer(s)",
    )
    ports = [answer(f"https://93.184.215.14:{port}/")[0] for port in PORTS]
    yield Finding(
        held=set(ports) == {422}, figure=f"{ports.count(201)} of {len(PORTS)} ports other than 443 may be called"
    )
