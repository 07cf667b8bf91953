"""A supervisord that ends in the middle of a call is one that says nothing, never a stack trace."""

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from somaagent.config import Config
from somaagent.supervision.daemon import Supervisor

RESET = struct.pack("ii", 1, 0)
OK = b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n"
FAULT = (
    b"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>6</int>"
    b"</value></member><member><name>faultString</name><value><string>SHUTDOWN_STATE</string>"
    b"</value></member></struct></value></fault></methodResponse>"
)
ENDS = {
    "nothing": b"",
    "half a line": b"HTTP/1.0 2",
    "half an answer": OK + b"Content-Length: 500\r\n\r\n<methodResponse>",
    "an error": b"HTTP/1.0 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "it shuts down": OK + b"Content-Length: %d\r\n\r\n" % len(FAULT) + FAULT,
}


@pytest.fixture(params=ENDS)
def dying(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor whose socket takes a call and ends it so."""
    supervisor = Supervisor(Config(var_dir=tmp_path), [])
    supervisor.socket.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(supervisor.socket))
        listener.listen()
        listener.settimeout(5)  # a test that fails early does not wait for the rest

        def serve() -> None:
            for _ in range(3):
                try:
                    line, _ = listener.accept()
                except TimeoutError:
                    return
                with line:
                    line.recv(65536)
                    line.sendall(ENDS[request.param])
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        thread = threading.Thread(target=serve)
        thread.start()
        yield supervisor
        thread.join()


def test_a_broken_line_is_no_answer(dying: Supervisor) -> None:
    assert dying.is_answering() is False
    assert dying.states() == []
    dying.start("web")


def test_without_its_socket_there_is_no_answer(tmp_path: Path) -> None:
    assert Supervisor(Config(var_dir=tmp_path), []).states() == []
