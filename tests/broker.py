"""A real RabbitMQ node for tests: its own ports, data folder and name daemon, ended with the test run.

`broker_node()` gives the node of this run, started at first use; fixtures give each test a prefix or a
virtual host of its own. `kill` and `restart` are for fault tests. Where RabbitMQ is missing the tests
fail and say how to install it.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pika
import pytest
import trustme
from pika.adapters.utils.connection_workflow import AMQPConnectorException

__all__ = ["BrokerNode", "broker_node", "free_ports"]

INSTALL = (
    "these tests need RabbitMQ, which is not installed. On Debian or Ubuntu:\n"
    "  printf '#!/bin/sh\\nexit 101\\n' | sudo tee /usr/sbin/policy-rc.d\n"
    "  sudo chmod +x /usr/sbin/policy-rc.d\n"
    "  sudo apt-get install --no-install-recommends rabbitmq-server && sudo rm /usr/sbin/policy-rc.d\n"
    '(policy-rc.d keeps a node from being started on all interfaces), or leave them out: -m "not broker"'
)
START = 60.0  # seconds that a node may take
PR_SET_PDEATHSIG = 1
_PARENT = ThreadPoolExecutor(1, "broker-parent")

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it tells of every refused attempt to connect


def _with_parent() -> None:
    """In the child: a group of its own, and an end when the test run is killed."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_port(start: int = 0) -> int:
    """A free port below the ephemeral range: none may take it while the node is down."""
    start = start or 20_000 + (os.getpid() * 7 + int(time.time())) % 8_000
    for port in range(start, 32_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def free_ports(count: int) -> list[int]:
    """So many different free ports."""
    ports = [_free_port()]
    while len(ports) < count:
        ports.append(_free_port(ports[-1] + 1))
    return ports


def _sbin() -> Path:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    if not found or shutil.which("epmd") is None:
        pytest.fail(INSTALL, pytrace=False)
    return found[-1]


class BrokerNode:
    """One node. `url` is its address with the default user and virtual host, `tls_url` the same over TLS."""

    def __init__(
        self,
        folder: Path,
        *,
        ports: Sequence[int] = (),
        own_epmd: bool = True,
        settings: str = "",
        erlang: str = "",
        name: str = "",
    ) -> None:
        """ports: for AMQP, for other nodes, for TLS, and of the name daemon. own_epmd: false where another
        node's is used. settings: more lines for rabbitmq.conf. erlang: more arguments of its machine. name:
        of the node, before its @localhost."""
        self._sbin = _sbin()
        self._folder = folder
        self._own_epmd = own_epmd
        self.port, distribution, tls, epmd = ports or free_ports(4)
        self._ports = [distribution, epmd, tls]
        self._name = name or f"gatepost{self.port}"
        self._settings = settings
        self._erlang = erlang
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._lay_out()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def name(self) -> str:
        """As other nodes call it."""
        return f"{self._name}@localhost"

    @property
    def log(self) -> str:
        """What it has written to its log."""
        return "".join(path.read_text(errors="replace") for path in (self._folder / "log").glob("*.log"))

    @property
    def tls_url(self) -> str:
        return f"amqps://guest:guest@localhost:{self._ports[2]}/%2F?cafile={self.authority}"

    @property
    def authority(self) -> Path:
        """The file of the authority that signed the node's certificate."""
        return self._folder / "ca.pem"

    @property
    def pid(self) -> int:
        assert self._node is not None
        return self._node.pid

    def _lay_out(self) -> None:
        (self._folder / "log").mkdir(parents=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        certificate = self._folder / "node.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"listeners.ssl.1 = 127.0.0.1:{self._ports[2]}\nssl_options.verify = verify_none\n"
            f"ssl_options.cacertfile = {self.authority}\n"
            f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {certificate}\n"
            "disk_free_limit.absolute = 200MB\nvm_memory_high_watermark.absolute = 2GiB\n" + self._settings
        )
        (self._folder / "enabled_plugins").write_text("[].\n")
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text("GATEPOSTTESTS")
        cookie.chmod(0o400)

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        distribution, epmd, _tls = self._ports
        inside = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": folder,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{folder}/node.pid",
            "RABBITMQ_ALLOW_INPUT": "1",  # so that the child's pid is the broker's
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{inside} -noinput -start_epmd false {self._erlang}",
            "RABBITMQ_CTL_ERL_ARGS": inside,
            **{name: value for name, value in os.environ.items() if name.startswith("GATEPOST_")},
        }

    def start(self) -> None:
        """Start the node and wait until a channel can be opened."""
        self.begin()
        self.ready()

    def begin(self) -> None:
        """Start the node, and wait for nothing."""
        if self._epmd is None and self._own_epmd:
            self._epmd = self._spawn(["epmd", "-address", "127.0.0.1", "-port", str(self._ports[1])])
        self._node = self._spawn([str(self._sbin / "rabbitmq-server")])

    def ready(self) -> None:
        """Wait until a channel can be opened."""
        self.wait_until(self._answers, "RabbitMQ did not start", START)

    def freeze(self) -> None:
        """As if its machine hung: it does nothing, and its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # The death signal follows the thread that forked. A test's thread may end long before the run does,
        # so one thread that lasts as long as the run starts every child.
        return _PARENT.submit(self._fork, command).result()

    def _fork(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "log" / "console").open("ab") as console:
            return subprocess.Popen(
                command, env=self._environment(), stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=_with_parent,
            )  # fmt: skip

    def kill(self) -> None:
        """As if the broker's process died: SIGKILL, nothing said."""
        if self._node is not None:
            self._node.kill()
            self._node.wait()
            self._node = None

    def restart(self) -> None:
        """Start it again after `kill`, on the same data and port."""
        assert self._node is None, "kill it first"
        self.start()

    def stop(self) -> None:
        """End the node, then its name daemon (which the node would revive)."""
        if self._node is not None:
            self._node.terminate()
            try:
                self._node.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
            self._node = None
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` prints for these arguments."""
        done = subprocess.run(
            [str(self._sbin / "rabbitmqctl"), "-q", *arguments],
            env=self._environment(), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    def connect(self) -> pika.BlockingConnection:
        """A connection of a foreign client."""
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def depth(self, queue: str) -> int:
        """How many messages are ready in a queue; -1 where there is no such queue."""
        connection = self.connect()
        try:
            declared = connection.channel().queue_declare(queue, passive=True)
            return int(declared.method.message_count)
        except pika.exceptions.ChannelClosedByBroker:
            return -1
        finally:
            connection.close()

    def empty(self, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
        """Take everything out of a queue, as a practice would."""
        connection = self.connect()
        channel = connection.channel()
        found = []
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None:
                break
            channel.basic_ack(method.delivery_tag)
            found.append((properties, body))
        connection.close()
        return found

    def _answers(self) -> bool:
        if self._node is not None and self._node.poll() is not None:
            log = (self._folder / "log" / "console").read_text(errors="replace")
            pytest.fail(f"RabbitMQ ended by itself:\n{log[-2000:]}", pytrace=False)
        try:
            connection = self.connect()
            connection.channel().close()
            connection.close()
        except (pika.exceptions.AMQPError, AMQPConnectorException, OSError):
            return False
        return True

    @staticmethod
    def wait_until(condition: Callable[[], bool], failure: str, seconds: float) -> None:
        """Look at a condition until it holds or the time is up."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(failure, pytrace=False)
            time.sleep(0.1)


@cache
def broker_node() -> BrokerNode:
    """The node of this test run, started at first use and ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-broker-"))
    node = BrokerNode(folder)
    atexit.register(_end, node, folder)
    node.start()
    return node


def _end(node: BrokerNode, folder: Path) -> None:
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)
