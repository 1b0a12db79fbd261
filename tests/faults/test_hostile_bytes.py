"""F: what a client sends is shown, never obeyed, and ends no worker."""

import pytest
from harness import Command
from servers import Server, everywhere, must_fail, on_ours, some_of_ours

HOSTILE = (
    b"\x1b]0;PWN\x1b\\",
    b"\x1b[2J\x1b[H",
    "\u009b31m".encode(),
    "\u202egnp.exe \u2066 \u200b \ufeff".encode(),
    b"\x00\x08\x0b\x0c\x7f a\rb",
    b"[red]x[/][/foo] [link=file:///etc/passwd]x[/link] :skull: \\",
    b"[" * 2000,
)
NOT_TEXT = b"\xff\xfe\x80\xc3\x28\xed\xa0\x80 [/]"


def tell(server: Server, *messages: bytes) -> str:
    """Say `messages` to a server that shows what it hears; return what it showed."""
    shows = () if server.tutorial else ("-v",)
    with server.start(*shows, json=False) as running:
        before = running.workers()
        with running.client() as client:
            for message in messages:
                client.ask(message)
                running.check_output()
        running.check()
        if server.worker_count:
            assert running.workers() == before, "F: a worker has died of it"
        return running.command.stdout


def f1_escapes(server: Server) -> None:
    tell(server, *HOSTILE)


def f2_no_text(server: Server) -> None:
    tell(server, NOT_TEXT)


@on_ours()
def test_f1_escapes_are_shown_as_what_they_are(server):
    shown = tell(server, *HOSTILE)
    assert r"\x1b]0;PWN\x1b" in shown
    assert r"\u202egnp.exe" in shown
    assert "[red]x[/][/foo]" in shown


@on_ours()
def test_f2_bytes_that_are_no_text_are_shown(server):
    assert r"\xff\xfe\x80\xc3(\xed\xa0\x80 [/]" in tell(server, NOT_TEXT)


@on_ours()
def test_f1_as_json(server):
    with server.start("-v") as running:
        for message in (*HOSTILE, NOT_TEXT):
            running.echo(message)
        running.check()
        running.command.wait_for(
            lambda: sum(event.name == "heard" for event in running.command.events) >= len(HOSTILE) + 2
        )


@must_fail((f1_escapes, everywhere("O12|O9|O5")), (f2_no_text, everywhere("O9|O5")))
@pytest.mark.thorough
def test_the_tutorial_obeys_or_dies(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


@some_of_ours
@pytest.mark.parametrize(
    "host",
    [
        "\x1b[2Jnowhere.invalid",
        pytest.param("[red]\u202e.invalid", marks=pytest.mark.thorough),
        pytest.param("\udcff", marks=pytest.mark.thorough),
    ],
)
def test_a_hostile_argument_is_shown_as_what_it_is(name, host):
    with Command(name, "--port", "0", "--host", host) as command:
        command.finish(within=10).assert_clean(status=[1, 2])
