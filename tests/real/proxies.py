"""nginx, HAProxy, tinyproxy and Dante, unprivileged on the loopback, as long as a block.

Each ``with`` block writes its settings into a folder of its own, starts the program in the
foreground and ends it by its process id.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .processes import free_port, running

#: Program -> Debian's package with it.
PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "tinyproxy": "tinyproxy",
    "danted": "dante-server",
}
USER = "g4fsync-test"
PASSWORD = "pa ss:w@rd/1"
#: How long the hasty faces of nginx and HAProxy wait for the server behind them.
HASTY_SECONDS = 0.5

_EVENTS = "text/event-stream application/json application/x-ndjson"


@dataclass(frozen=True)
class Behind:
    """The servers that a reverse proxy stands before, and its certificate."""

    http_port: int
    websocket_port: int
    refusing_port: int
    certificate: Path  # with its chain
    key: Path


def program(name: str) -> str | None:
    """Where a program is, Debian's folder for servers included."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _ports(*names: str) -> dict[str, int]:
    return {name: free_port() for name in names}


_NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log nginx-error.log warn;
events {{ worker_connections 512; }}
http {{
    log_format connections '$connection $status $request_uri';
    access_log access.log connections;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream emulator {{ server 127.0.0.1:{behind.http_port}; keepalive 8; }}
    proxy_http_version 1.1;
    {servers}
}}
"""
_NGINX_SERVER = """
    server {{
        listen 127.0.0.1:{port}{listen};
        {settings}
        location / {{
            proxy_set_header Connection "";
            proxy_pass {upstream};
        }}
        location /ws/ {{
            proxy_set_header Connection upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_pass http://127.0.0.1:{behind.websocket_port};
        }}
    }}
"""


@contextlib.contextmanager
def nginx(folder: Path, behind: Behind) -> Iterator[Mapping[str, int]]:
    """Its ports: ``tls``, ``gzip``, ``buffered``, ``hasty``, ``down`` (nobody is behind it)."""
    ports = _ports("tls", "gzip", "buffered", "hasty", "down")
    tls = f"ssl_certificate {behind.certificate}; ssl_certificate_key {behind.key};"
    settings = {
        "tls": f"{tls} proxy_buffering off; keepalive_timeout 1s;",
        "gzip": f"gzip on; gzip_types {_EVENTS}; gzip_min_length 1; gzip_proxied any; "
        "proxy_buffering off;",
        "buffered": "proxy_buffering on;",
        "hasty": f"proxy_buffering off; proxy_read_timeout {round(HASTY_SECONDS * 1000)}ms;",
        "down": "",
    }
    servers = [
        _NGINX_SERVER.format(
            port=ports[name],
            listen=" ssl" if name == "tls" else "",
            settings=text,
            upstream=f"http://127.0.0.1:{behind.refusing_port}"
            if name == "down"
            else "http://emulator",
            behind=behind,
        )
        for name, text in settings.items()
    ]
    text = _NGINX.format(behind=behind, servers="".join(servers))
    (folder / "nginx.conf").write_text(text)
    command = [program("nginx") or "nginx", "-p", str(folder), "-c", "nginx.conf"]
    with running(command, port=ports["tls"], folder=folder):
        yield ports


_HAPROXY = """
global
    maxconn 512
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout tunnel 60s
frontend tls
    bind 127.0.0.1:{ports[tls]} ssl crt {bundle} alpn h2,http/1.1
    use_backend websocket if {{ path_beg /ws/ }}
    default_backend emulator
frontend gzip
    bind 127.0.0.1:{ports[gzip]}
    compression algo gzip
    compression type {events}
    use_backend websocket if {{ path_beg /ws/ }}
    default_backend emulator
frontend hasty
    bind 127.0.0.1:{ports[hasty]}
    default_backend hasty
frontend down
    bind 127.0.0.1:{ports[down]}
    default_backend down
backend emulator
    server one 127.0.0.1:{behind.http_port}
backend websocket
    server one 127.0.0.1:{behind.websocket_port}
backend hasty
    timeout server {hasty}ms
    server one 127.0.0.1:{behind.http_port}
backend down
    retries 0
    server one 127.0.0.1:{behind.refusing_port}
"""


@contextlib.contextmanager
def haproxy(folder: Path, behind: Behind) -> Iterator[Mapping[str, int]]:
    """Its ports: ``tls``, ``gzip``, ``hasty``, ``down`` (nobody is behind it)."""
    ports = _ports("tls", "gzip", "hasty", "down")
    bundle = folder / "bundle.pem"
    bundle.write_bytes(behind.certificate.read_bytes() + behind.key.read_bytes())
    settings = folder / "haproxy.cfg"
    hasty = round(HASTY_SECONDS * 1000)
    settings.write_text(
        _HAPROXY.format(ports=ports, bundle=bundle, behind=behind, events=_EVENTS, hasty=hasty)
    )
    command = [program("haproxy") or "haproxy", "-db", "-f", str(settings)]
    with running(command, port=ports["tls"], folder=folder):
        yield ports


@contextlib.contextmanager
def tinyproxy(folder: Path) -> Iterator[int]:
    """Its port.  It wants :data:`USER`, and a password of letters and digits: ``secret1``."""
    port = free_port()
    lines = [
        f"Port {port}",
        "Listen 127.0.0.1",
        "Timeout 30",
        "MaxClients 50",
        "LogLevel Warning",
        f"BasicAuth {USER} secret1",
    ]
    settings = folder / "tinyproxy.conf"
    settings.write_text("\n".join([*lines, ""]))
    command = [program("tinyproxy") or "tinyproxy", "-d", "-c", str(settings)]
    with running(command, port=port, folder=folder):
        yield port


_DANTE = """
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: username
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0
    protocol: tcp }}
"""
# Dante asks the system for passwords: a user of its own, in a mount namespace of its own.
_DANTE_SCRIPT = (
    "mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow && "
    'exec "$0" -f dante.conf -p dante.pid'
)


def why_no_dante() -> str | None:
    """What Dante lacks here to know a password."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "Dante reads /etc/shadow: run as root on Linux"
    if not (shutil.which("unshare") and shutil.which("openssl")):
        return "unshare and openssl are not installed: apt-get install util-linux openssl"
    mount = ["unshare", "-m", "mount", "--bind", "/etc/passwd", "/etc/passwd"]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return "no mount namespace can be made here (a container without CAP_SYS_ADMIN)"
    return None


@contextlib.contextmanager
def dante(folder: Path) -> Iterator[int]:
    """Its port.  It wants :data:`USER` and :data:`PASSWORD`."""
    port = free_port()
    (folder / "dante.conf").write_text(_DANTE.format(port=port))
    made = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=True,
    )
    passwd, shadow = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
    user = f"{USER}:x:65431:65534::/nonexistent:/usr/sbin/nologin\n"
    (folder / "passwd").write_text(passwd + user)
    (folder / "shadow").touch(0o600)
    (folder / "shadow").write_text(f"{shadow}{USER}:{made.stdout.strip()}:20000:0:99999:7:::\n")
    command = ["unshare", "-m", "sh", "-c", _DANTE_SCRIPT, program("danted") or "danted"]
    with running(command, port=port, folder=folder):
        yield port
