"""--cluster without the extra: the error names the command that installs it."""

import sys

import pytest
from harness import run
from selection import some_of

WITHOUT = (
    "import sys; sys.modules['distributed'] = None; from procdemo.__main__ import main; sys.exit(main())"
)


@pytest.mark.parametrize("name", ["crawl-callback", "prodcons"])
@pytest.mark.parametrize("address", some_of(["local", "tcp://127.0.0.1:8786"]))
def test_without_the_extra_it_says_how_to_install_it(name, address):
    where = ["https://example.org/"] if name == "crawl-callback" else []
    result = run(name, "--cluster", address, *where, program=[sys.executable, "-c", WITHOUT])
    result.assert_clean(3, stderr_lines=2)
    assert f"try: {sys.executable} -m pip install distributed" in result.stderr
    assert "procdemo[" not in result.stderr, "it might be another project's"
