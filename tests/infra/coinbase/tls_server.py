"""A server on this machine that says what it is told to, over TLS with its own authority."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import SHUT_RDWR, socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def an_ec_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A private key and its PEM, as Coinbase hands keys out."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return key, pem.decode()


def a_certificate(folder: Path, host: str = "127.0.0.1") -> Path:
    """A file with a key and a certificate that vouches for itself."""
    key, pem = an_ec_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    began = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_text(pem + certificate.public_bytes(serialization.Encoding.PEM).decode())
    return file


@dataclass
class Told:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class TlsServer:
    """`says` is sent to each request, verbatim, then `then`: "close", "hang" or "keep"."""

    ca_file: Path
    says: bytes = b""
    then: str = "keep"
    drops: float = 0.0  # seconds between two bytes
    told: list[Told] = field(default_factory=list)
    connections: int = 0
    over: Event = field(default_factory=Event)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self, body: bytes, status: str = "200 OK", **headers: str) -> None:
        shown = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in shown.items())
        self.says = f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body

    def talk(self, connection: socket) -> None:
        """Requests of one connection, until somebody hangs up."""
        self.connections += 1
        file = connection.makefile("rb")
        while line := file.readline().decode().strip():
            headers = {}
            while header := file.readline().decode().strip():
                name, _, value = header.partition(": ")
                headers[name.lower()] = value
            body = file.read(int(headers.get("content-length", "0")))
            self.told.append(Told(line, headers, body))
            self.speak(connection)
            if self.then == "hang":
                self.over.wait(20)
            if self.then != "keep":
                return

    def speak(self, connection: socket) -> None:
        if not self.drops:
            connection.sendall(self.says)
            return
        for at in range(len(self.says)):
            if self.over.wait(self.drops):
                return
            connection.sendall(self.says[at : at + 1])


@contextmanager
def serving(folder: Path) -> Iterator[TlsServer]:
    """A server on a free port; it ends with the block, whatever its connections do."""
    file = a_certificate(folder)
    server = TlsServer(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as connection:
                    server.talk(connection)
            except OSError:
                return  # the other end hung up, or never trusted us

    class Listener(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def shutdown_request(self, request: object) -> None:
            assert isinstance(request, socket)
            with suppress(OSError):
                request.shutdown(SHUT_RDWR)
            self.close_request(request)

    with Listener(("127.0.0.1", 0), Handler) as listener:
        listener.block_on_close = False
        server.port = listener.server_address[1]
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown()
            thread.join(5)
