# SPDX-License-Identifier: BSL-1.0
"""What the comparisons of web servers share: who takes part, and nginx as a server under test."""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "io"))
from contestants import Server  # noqa: E402, the path must be known first

__all__ = ["Nginx", "Server", "http_servers", "processor_time", "require"]


def program_of(name):
    """Returns where a program is; a service may stand where only the administrator looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def require(*programs):
    """Ends with what is missing."""
    missing = [name for name in programs if program_of(name) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)} (`./dev bench` installs them)")


def http_servers(build):
    """Returns the servers that send the page, by name, each as a function that starts it."""
    programs = {
        "beast": build / "benchmarks/http_beast",
        "go": build / "benchmarks/http_go",
        "tendril": build / "docs/examples/http_server",
    }
    return {name: lambda program=program: Server(program) for name, program in programs.items()}


def processor_time(server):
    """Returns the nanoseconds that all threads of a server have spent on a processor."""
    threads = pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads)


class Nginx(Server):
    """nginx with one process, on processor 0, without an access log. `locations` is the inside of
    its block `server`."""

    def __init__(self, folder, locations):
        super().__init__(program_of("nginx"))
        self.folder, self.locations = folder, locations

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        file = self.folder / "nginx.conf"
        file.write_text(self._configuration(), encoding="ascii")
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", self.program, "-p", str(self.folder), "-e", "stderr", "-c",
             str(file)])
        limit = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except ConnectionRefusedError:
                if time.monotonic() > limit or self.process.poll() is not None:
                    sys.exit("nginx does not start")
                time.sleep(0.02)

    def _configuration(self):
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "\n".join(f"    {kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        return f"""daemon off;
master_process off;
pid {self.folder}/pid;
error_log stderr error;
events {{ worker_connections 30000; }}
http {{
{places}
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    tcp_nodelay on;
    sendfile on;
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        {self.locations}
    }}
}}
"""
