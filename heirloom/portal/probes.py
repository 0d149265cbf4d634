"""The addresses that programs ask by number, not by name: a load balancer, a container's health check, Prometheus."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

from heirloom.portal import health

View = Callable[[HttpRequest], HttpResponse]
PROBES: dict[str, View] = {"/livez": health.livez, "/readyz": health.readyz, "/metrics": health.metrics}
NAMED = ("/metrics",)
"""Those that tell more than that we are well: a page of another site could else ask for them under a name of its own
that it lets point here."""


class ProbeMiddleware:
    """Answer probes before all else: they come without our host name, without TLS and without a session."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.path_info in NAMED and not _is_ours(request):
            return HttpResponse(status=400)
        answer = probe(request)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _is_ours(request: HttpRequest) -> bool:
    """Say whether the request names one of our hosts, or one that METRICS_HOSTS adds for Prometheus."""
    try:
        request.get_host()
    except DisallowedHost:
        domain, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
        return bool(domain) and validate_host(domain, settings.METRICS_HOSTS)
    return True
