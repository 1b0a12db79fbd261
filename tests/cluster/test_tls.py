"""TLS is dask's own setting, and passes through."""

import shutil
import subprocess

import pytest
from bunaccounts import account_of
from harness import run
from schedulers import LIMIT, address_of, scheduler, workers

pytestmark = pytest.mark.thorough
_TLS = "DASK_DISTRIBUTED__COMM__TLS__"


@pytest.fixture
def certified(tmp_path):
    """Return the settings of a cluster in which each shows a certificate, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("apt-get install openssl")
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    words = "openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=cluster -keyout"
    subprocess.run([*words.split(), key, "-out", cert], check=True, capture_output=True)
    ours = {
        f"{_TLS}{who}__{what}": file
        for who in ("SCHEDULER", "WORKER", "CLIENT")
        for what, file in (("CERT", cert), ("KEY", key))
    }
    return {**ours, f"{_TLS}CA_FILE": cert, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}


def test_a_cluster_that_wants_certificates(certified):
    with scheduler("--protocol", "tls", env=certified) as running:
        address = address_of(running)
        assert address.startswith("tls://")
        with workers(address, 1, env=certified):
            args = ("prodcons", "--cluster", address, "--items", "8", "--work", "0")
            result = run(*args, "--json", env=certified, limit=LIMIT).assert_clean()
            assert account_of(result, 8)["done"] == 8
            refused = run(*args, limit=LIMIT).assert_clean(1, stderr_lines=2)
    assert f"no scheduler at {address}" in refused.stderr


def test_a_cluster_of_our_own_is_encrypted_if_dask_is_told_so(certified):
    args = ("prodcons", "--cluster", "local", "--items", "8", "--work", "0", "--json")
    result = run(*args, env=certified, limit=LIMIT).assert_clean()
    assert result.named("cluster")[0].data["address"].startswith("tls://127.0.0.1:")
