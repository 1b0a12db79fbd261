"""``python tests/hub_server.py HOST COUNT``: a hub of so many pages; says its URL, serves until killed."""

import signal
import sys

from crawls import hub
from web import Web

if __name__ == "__main__":
    with Web(hub(int(sys.argv[2])), address=(sys.argv[1], 0)) as web:
        print(web.url, flush=True)
        signal.pause()
