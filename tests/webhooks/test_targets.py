"""Nothing is sent into the network that Heirloom stands in, whatever a name server says and when it says it."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.webhooks.models import WebhookEndpoint
from tests.api.conftest import codes
from tests.webhooks.conftest import URL, made, sent_test
from tests.webhooks.receiver import Receiver

NAME = "hooks.example.org"
PUBLIC = "93.184.215.14"


class NameServer:
    """What names lead to, instead of the network's own; it counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses, self.asked = [PUBLIC], 0
        self.real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.answer)

    def answer(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != NAME:
            return self.real(host, port, *args, **kwargs)
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    return NameServer(monkeypatch)


def refused(client: APIClient, url: str) -> tuple[int, list[str]]:
    answer = client.post(URL, {"url": url, "events": ["verification.decided"]}, format="json")
    return answer.status_code, codes(answer)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/",
        "ftp://93.184.215.14/",
        "https://user:word@93.184.215.14/",
        "https://93.184.215.14/#part",
        "https:///hook",
        "hooks.example.org",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://169.254.169.254/latest/meta-data/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://[2001:db8::1]/",
    ],
)
def test_an_address_that_is_not_public_https_is_refused(cleo: APIClient, url: str) -> None:
    assert refused(cleo, url) == (422, ["webhook_target_refused"])
    assert not WebhookEndpoint.objects.exists()


def test_one_private_address_among_public_ones_refuses_them_all(cleo: APIClient, names: NameServer) -> None:
    names.addresses = [PUBLIC, "10.0.0.1"]
    assert refused(cleo, f"https://{NAME}/") == (422, ["webhook_target_refused"])


def test_a_name_that_leads_nowhere_is_refused(cleo: APIClient) -> None:
    assert refused(cleo, "https://nobody.invalid/") == (422, ["webhook_target_refused"])


def test_no_name_of_the_network_is_found_out(cleo: APIClient, names: NameServer, deliver: Callable[[], None]) -> None:
    """The answers, and what a log of deliveries says, are the same for a name inside and for one that nobody has."""
    asked = {"url": "", "events": ["verification.decided"]}
    told = []
    webhook = made(cleo, f"https://{NAME}/")
    for names.addresses in (["10.0.0.1"], ["127.0.0.1"], []):
        told.append(cleo.post(URL, {**asked, "url": f"https://{NAME}/"}, format="json"))
        delivery = sent_test(cleo, webhook)
        deliver()
        delivery.refresh_from_db()
        assert (delivery.failure, delivery.response_excerpt) == ("webhook_target_refused", "")
    told.append(cleo.post(URL, {**asked, "url": "https://nobody.invalid/"}, format="json"))
    assert {(answer.status_code, answer.content) for answer in told} == {(422, told[0].content)}


@pytest.mark.parametrize("port", [22, 25, 80, 5432, 6379, 8443])
def test_only_ports_that_the_operator_names_are_called(
    cleo: APIClient, names: NameServer, settings: Settings, port: int
) -> None:
    assert refused(cleo, f"https://{NAME}:{port}/") == (422, ["webhook_target_refused"])
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    assert refused(cleo, f"https://{NAME}:{port}/") == (422, ["webhook_target_refused"])
    settings.WEBHOOK_PORTS = ["443", str(port)]
    made(cleo, f"https://{NAME}:{port}/")
    made(cleo, f"https://{NAME}:443/")


def test_the_development_setting_opens_loopback_and_nothing_else(cleo: APIClient, receiver: Receiver) -> None:
    made(cleo, receiver.url())
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://[::ffff:127.0.0.1]/"):
        assert refused(cleo, url) == (422, ["webhook_target_refused"])


def test_a_change_of_address_to_a_private_one_is_refused(cleo: APIClient, names: NameServer) -> None:
    webhook = made(cleo, f"https://{NAME}/")
    answer = cleo.patch(f"{URL}{webhook['id']}/", {"url": "https://10.0.0.1/"}, format="json")
    assert (answer.status_code, codes(answer)) == (422, ["webhook_target_refused"])


def test_a_name_that_turns_private_later_is_not_called(
    cleo: APIClient, names: NameServer, settings: Settings, deliver: Callable[[], None]
) -> None:
    with Receiver() as inside:
        settings.WEBHOOK_PORTS = [str(inside.server.server_port)]
        webhook = made(cleo, f"https://{NAME}:{inside.server.server_port}/")
        delivery = sent_test(cleo, webhook)
        names.addresses = ["127.0.0.1"]
        deliver()
        assert inside.received == []
    delivery.refresh_from_db()
    assert (delivery.failure, delivery.response_status) == ("webhook_target_refused", None)


def test_the_connection_goes_to_the_checked_address_without_asking_again(
    cleo: APIClient, names: NameServer, receiver: Receiver, deliver: Callable[[], None]
) -> None:
    names.addresses = ["127.0.0.1"]
    sent_test(cleo, made(cleo, receiver.url(NAME)))
    names.asked = 0
    deliver()
    assert names.asked == 1
    assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.server.server_port}"


@pytest.mark.parametrize("certified", [NAME, "another.example.org"])
def test_tls_is_held_to_the_name_though_an_address_is_called(
    cleo: APIClient,
    names: NameServer,
    loopback: None,
    deliver: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certified: str,
) -> None:
    context, asked_for = certificate_of(certified, tmp_path), list[str]()
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    names.addresses = ["127.0.0.1"]
    with Receiver(tls=context) as server:
        delivery = sent_test(cleo, made(cleo, server.url(NAME)))
        deliver()
        assert len(server.received) == (certified == NAME)
    assert asked_for == [NAME]
    delivery.refresh_from_db()
    assert delivery.failure == ("" if certified == NAME else "not_reached")


def certificate_of(name: str, folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS with a certificate for a name, written to certificate.pem for who trusts it."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context
