"""The addresses that programs ask by number, not by name: a load balancer, a container's health check, Prometheus."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from heirloom.portal import health

View = Callable[[HttpRequest], HttpResponse]
PROBES: dict[str, View] = {"/livez": health.livez, "/readyz": health.readyz, "/metrics": health.metrics}


class ProbeMiddleware:
    """Answer probes before all else: they come without our host name, without TLS and without a session."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return PROBES.get(request.path_info, self.get_response)(request)
