"""What is retired is being closed: a retired feed does not listen, and the others do as before."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bench.engine import free_port
from tests.system_peers import admission
from tests.system_sites import Sender, engine_on, passthrough


def test_a_retired_feed_does_not_listen_and_the_others_do(tmp_path: Path) -> None:
    port, closed = free_port(), free_port()
    more = f"  old:\n    kind: mllp\n    listen: 127.0.0.1:{closed}\n    retired: yes\n"
    site = passthrough(tmp_path / "site", port, feed=more)

    with engine_on(site), Sender(port) as sender:
        assert sender.code(admission("A1")) == "AA"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", closed), 5)
