#!/usr/bin/env bash
# Print the path of a CPython of one minor version, which is installed into a folder if this machine has none.
#
#   scripts/get_python.sh 3.14 FOLDER     "$(scripts/get_python.sh 3.14 /opt/python3.14)" -m venv somewhere
#   scripts/get_python.sh 3.13t FOLDER    free-threaded: built from Debian's source package, in about ten minutes
#
# The first that works of: the one on the PATH; one that pyenv keeps; the one that an earlier call put into FOLDER;
# Debian's packages in KEPT_PYTHONS (default: ../shared/pythons beside this clone); Debian's packages from the mirror
# that apt of this machine uses, of unstable or testing (4 to 25 s, 65 MB). Of the free-threaded builds none are kept.
# For an installation: root, Debian 12 (bookworm), amd64 or arm64 (arm64: not tried).
#
# Exit 0: the path is on stdout. Exit 1: it cannot be had; one line on stderr, which begins with `get_python:`.
# Nothing of the machine's own Python and nothing of its list of packages is changed; patchelf, or what is needed to
# build, is installed.
#
# How: the packages of the interpreter, and of all that it depends on (libc, too), are unpacked into FOLDER, and
# patchelf makes the interpreter use the loader and the libraries there. So it needs no chroot, and sees the same
# /proc, /dev/shm and network as any other program. apt checks the signatures. It does not check until when an index
# is valid, because a mirror may keep an old one.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

fail() {
    echo "get_python: $*" >&2
    exit 1
}

[[ $# == 2 && $1 =~ ^3\.[0-9]+t?$ ]] || fail "usage: scripts/get_python.sh 3.14 FOLDER (or 3.13t: free-threaded)"
wanted=$1
version=${wanted%t}
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2" 2>/dev/null || fail "cannot make the folder $2"
folder=$(cd "$2" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

works() { # whether this is the version, and complete
    "$1" - "$wanted" <<'PY' >/dev/null 2>"$scratch/problem"
import ctypes, hashlib, lzma, multiprocessing.synchronize, sqlite3, ssl, sys, sysconfig, venv, zlib
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
found = "%d.%d" % sys.version_info[:2] + free
assert sys.implementation.name == "cpython" and found == sys.argv[1], found
PY
}

if [ "$wanted" = "$version" ]; then
    python=$folder/usr/bin/python$version
else
    python=$folder/bin/python$wanted
fi
shopt -s nullglob
for found in "$(command -v "python$wanted" || true)" "$HOME"/.pyenv/versions/"$version"*/bin/python "$python"; do
    if [ -x "$found" ] && works "$found"; then
        echo "$found"
        exit
    fi
done

no_python="no python$wanted on the PATH"
[ "$(id -u)" = 0 ] || fail "$no_python, and only root can install it"
for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || fail "$no_python, and this machine has no $tool to install it with"
done

install_on_machine() { # programs that this script uses, from the machine's own Debian
    ! dpkg -s "$@" >/dev/null 2>&1 || return 0
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >"$scratch/log" 2>&1 ||
        fail "apt-get cannot install $*: $(tail -n 1 "$scratch/log")"
}

mirror_of_apt() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | sort -u | head -n 1 || true; }

find_mirror() { # whatever its name is; apt may know it only after an update
    mirror=$(mirror_of_apt)
    if [ -z "$mirror" ]; then
        apt-get update -qq >"$scratch/log" 2>&1 || true
        mirror=$(mirror_of_apt)
    fi
    [ -n "$mirror" ] || fail "$no_python, and apt of this machine knows no mirror of Debian"
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keys" ] || fail "$no_python; to get it from a mirror, install the package debian-archive-keyring"
}

apt() { # apt SUITE COMMAND...: apt-get with lists, cache and status of its own
    local own=$scratch/$1
    if [ ! -d "$own" ]; then
        mkdir -p "$own"/{state/lists/partial,cache/archives/partial,empty}
        touch "$own/state/status"
        printf '%s [signed-by='"$keys"'] '"$mirror $1"' main\n' deb deb-src >"$own/sources.list"
        cat >"$own/conf" <<CONF
#clear APT::Update::Pre-Invoke; #clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success;
Dir::Etc { SourceList "$own/sources.list"; SourceParts "$own/empty"; Preferences "/dev/null"; PreferencesParts "$own/empty"; };
Dir::State "$own/state"; Dir::State::status "$own/state/status"; Dir::Cache "$own/cache";
Acquire::Check-Valid-Until "false"; Acquire::Languages "none"; Acquire::Retries "3"; APT::Sandbox::User "root";
APT::Install-Recommends "false"; APT::Get::AllowUnauthenticated "false"; APT::Default-Release "";
CONF
        if ! apt-get -c "$own/conf" update -qq >"$scratch/log" 2>&1; then
            rm -rf "$own"
            return 1
        fi
    fi
    (cd "$own/cache" && apt-get -c "$own/conf" -y -qq "${@:2}") >"$scratch/log" 2>&1
}

reason="" # of the first suite: the others may never have had it
why() { grep -E '^E:|404' "$scratch/log" | head -n 1 | sed -E 's/^E: //'; }

unpack_packages() {
    local architecture kept packages suite library loader
    architecture=$(dpkg --print-architecture)
    kept=${KEPT_PYTHONS:-$here/../shared/pythons}/debs-$version-$architecture
    install_on_machine patchelf
    if [ -f "$kept/SHA256SUMS" ] && (cd "$kept" && sha256sum --quiet --check SHA256SUMS) >"$scratch/log" 2>&1; then
        packages=$kept from="kept packages"
    else
        find_mirror
        for suite in unstable testing none; do
            [ $suite != none ] || fail "$no_python, and Debian unstable and testing do not have it: $reason"
            ! apt $suite install --download-only "python$version" "python$version-venv" || break
            reason=${reason:-$(why)}
        done
        packages=$scratch/$suite/cache/archives from="Debian $suite"
    fi
    rm -rf "${folder:?}"/{usr,etc,var}
    for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$folder"; done
    library=$folder/usr/lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
    loader=$(patchelf --print-interpreter "$python") || fail "python$version of $from is no program"
    loader=$folder/usr/${loader#/usr/}
    [ -x "$loader" ] || loader=$library/$(basename "$loader")
    # DT_RPATH, unlike DT_RUNPATH, counts for the libraries of extension modules, too.
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$library" "$python"
    grep -rlF /usr/share/python-wheels "$folder/usr/lib/python$version" --include='_sysconfig*' | # where venv has pip
        xargs -r sed -i "s#\([\"']\)/usr/share/python-wheels#\1$folder/usr/share/python-wheels#g"
    find "$folder/usr/lib/python$version" -name __pycache__ -prune -exec rm -rf {} +
}

build_free_threaded() {
    local suite
    install_on_machine build-essential dpkg-dev pkg-config libssl-dev libffi-dev zlib1g-dev libbz2-dev liblzma-dev \
        libsqlite3-dev libreadline-dev uuid-dev
    find_mirror
    for suite in unstable testing trixie none; do
        [ $suite != none ] || fail "$no_python, and Debian unstable, testing and trixie do not have its source: $reason"
        ! apt $suite source --download-only "python$version" || break
        reason=${reason:-$(why)}
    done
    from="the source of Debian $suite"
    mkdir "$scratch/source"
    tar -xf "$scratch/$suite"/cache/python"$version"_*.orig.tar.xz -C "$scratch/source" --strip-components=1
    (cd "$scratch/source" && ./configure --prefix="$folder" --disable-gil && make -j"$(nproc)" && make install) \
        >"$folder/log" 2>&1 || fail "python$wanted cannot be built, see $folder/log: $(tail -n 1 "$folder/log")"
    strip --strip-debug "$python"
    find "$folder/lib" -name '*.a' -delete
    rm -rf "$folder/lib/python$wanted/test" # half of it all: the tests of Python itself
}

if [ "$wanted" = "$version" ]; then unpack_packages; else build_free_threaded; fi
works "$python" || fail "python$wanted was installed into $folder, and does not run: $(tail -n 1 "$scratch/problem")"
echo "get_python: $("$python" -VV 2>&1 | head -n 1), from $from, $(du -sm "$folder" | cut -f1) MB, $SECONDS s" >&2
echo "$python"
