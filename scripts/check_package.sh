#!/usr/bin/env bash
# Install procdemo in each way that the README names, from this clone, and run it: a wheel, an sdist, pipx, uvx.
#
# scripts/check_package.sh [PYTHON]      (PyPI reachable; nothing is installed outside a temporary folder)
#
# procdemo is never asked for by its bare name: that could be a stranger's package.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

try() { # run a procdemo that was installed somehow: commands, data files and child processes are there
    printf '\n== %s\n' "$1"
    shift
    "$@" --version
    "$@" tour --list | tail -n 1
    "$@" source race | grep -q "import multiprocessing"
    "$@" lab zombie -q
    "$@" spawn --work 0 --start-method spawn -o run.html --force -q
    grep -q echarts run.html
}

"$python" -m venv tools
tools/bin/pip install --quiet build pipx uv
tools/bin/python -m build --outdir dist "$root" >/dev/null
ls dist

for package in dist/*.whl dist/*.tar.gz; do
    rm -rf venv
    "$python" -m venv venv
    venv/bin/pip install --quiet "$package"
    try "$package" venv/bin/procdemo
done

export PIPX_HOME=$scratch/pipx PIPX_BIN_DIR=$scratch/bin PIPX_MAN_DIR=$scratch/man UV_CACHE_DIR=$scratch/uv
tools/bin/pipx install --quiet --python "$(command -v "$python")" "$root"
try "pipx install ." bin/procdemo
try "uvx --from . procdemo" tools/bin/uvx --quiet --python "$(command -v "$python")" --from "$root" procdemo

printf '\nwheel, sdist, pipx and uvx: all work\n'
