"""What a stranger says to a server is text in the page, whatever it looks like."""

import signal
import socket

from harness import Command
from windows import Record

EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"


def test_a_message_is_shown_and_not_obeyed(window, tmp_path):
    record = Record(tmp_path)
    with Command("echo-server", "-v", "--port", "0", *record.options) as server:
        port = int(server.wait_line(r"^listening \S+ (\d+)$")[1])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(EVIL.encode())
            assert client.recv(4096)
        server.wait_line("client left")
        server.signal(signal.SIGTERM)
        server.finish(within=5)
    heard = next(event for event in record.events if event.name == "heard")
    window.show(record.page)
    row = [lane["pid"] for lane in window.page.evaluate("run.lanes")].index(heard.pid)
    window.point_at((heard.time_ns - record.events[0].time_ns) / 1000, row - 0.4)
    assert EVIL in window.tip()
    assert window.page.evaluate("window.pwned") is None
    assert window.page.locator("script").count() == 4
    assert window.page.locator("img:not(#legend img)").count() == 0
    assert window.requests == [record.page.as_uri()]
    assert window.complaints == []
