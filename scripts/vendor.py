"""Download ECharts, by version and checksum, into procdemo/render/vendor/ (make vendor)."""

import base64
import hashlib
import io
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "6.1.0"
URL = f"https://registry.npmjs.org/echarts/-/echarts-{VERSION}.tgz"
SHA512 = "q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA=="
"""The registry's own `integrity`, base64."""

FILES = {
    "package/dist/echarts.min.js": "echarts.min.js",
    "package/LICENSE": "echarts.LICENSE",
    "package/NOTICE": "echarts.NOTICE",
}
FOLDER = Path(__file__).parents[1] / "procdemo" / "render" / "vendor"


def main() -> None:
    """Download the package, check it, and unpack the files that the package contains."""
    with urllib.request.urlopen(URL, timeout=60) as answer:
        package = answer.read()
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != SHA512:
        sys.exit(f"error: {URL} has the checksum {found}, not {SHA512}; nothing was written")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for name, ours in FILES.items():
            member = archive.extractfile(name)
            if member is None:
                sys.exit(f"error: {name} is not in {URL}")
            (FOLDER / ours).write_bytes(member.read())
    sys.stdout.write(f"echarts {VERSION}: {', '.join(FILES.values())}\n")


if __name__ == "__main__":
    main()
