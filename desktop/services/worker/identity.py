"""Who a worker is: a key of its own, the fingerprint that others pin, and the secret that they have to know."""

from __future__ import annotations

import base64
import datetime
import hashlib
import os
import re
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from desktop.core.errors import HeftError, StoreError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

SCHEME = "heft-worker"
_SECRET_BYTES = 32
_YEARS = 20
_PAIRING = re.compile(rf"{SCHEME}://(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{{1,5}})/([\w-]{{43}})\.([\w-]{{43}})")


@dataclass(frozen=True)
class Pairing:
    """What the other computer has to be given: where the worker is, the fingerprint of its certificate (SHA-256), and
    the secret. Whoever has it can use the worker's memory and processor.
    """

    host: str
    port: int
    fingerprint: str
    secret: str = field(repr=False)

    @property
    def where(self) -> str:
        """``host:port``, as addresses are written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """One line, to be copied; :func:`read_pairing` is the way back."""
        return f"{SCHEME}://{self.where}/{self.fingerprint}.{self.secret}"


def read_pairing(text: str) -> Pairing:
    """UsageError for a text that is none; it is not repeated, since it may hold most of a secret."""
    found = _PAIRING.fullmatch(text.strip())
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise UsageError(
            tr("This is no pairing of a worker."), tr("Copy the whole line that 'heft worker' printed there.")
        )
    return Pairing(found[1].strip("[]"), int(found[2]), found[3], found[4])


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, in one file that only this user reads, and the secret beside it."""

    certificate: Path
    fingerprint: str
    secret: str = field(repr=False)

    def context(self) -> ssl.SSLContext:
        """How the worker speaks TLS."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.load_cert_chain(self.certificate)
        return made


def identity_in(folder: Path) -> Identity:
    """That of this computer, made at its first use. Raises StoreError; HeftError where the library is missing."""
    certificate, secret = folder / "worker.pem", folder / "worker.secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (certificate.exists() and secret.exists()):
            _write(certificate, _made())
            _write(secret, _text(secrets.token_bytes(_SECRET_BYTES)).encode())
        found = ssl.PEM_cert_to_DER_cert(_first_certificate(certificate.read_text()))
        return Identity(certificate, fingerprint_of(found), secret.read_text().strip())
    except (OSError, ValueError) as error:
        raise StoreError(
            tr("The key of this worker could not be read or kept."),
            tr(
                "Remove the folder {folder}; a new key is made then, and other computers are paired anew.",
                folder=folder,
            ),
            detail=str(error),
        ) from error


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), as URLs take it."""
    return _text(hashlib.sha256(certificate).digest())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _first_certificate(pem: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return pem[pem.index(begin) : pem.index(end) + len(end)]


def _write(file: Path, content: bytes) -> None:
    """So that nobody else could read it for a moment."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)


def _made() -> bytes:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise HeftError(
            tr("The library that makes keys is not installed (cryptography)."),
            tr("Use an SSH tunnel instead: heft worker --tunnel ssh"),
            kind=FailureKind.MISSING_LIBRARY,
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, SCHEME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM) + private
