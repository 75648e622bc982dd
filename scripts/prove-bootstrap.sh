#!/usr/bin/env bash
# Proves scripts/bootstrap.sh in a bare Debian that has nothing but git, make, rustup, Python with pip and gcc.
#
#   scripts/prove-bootstrap.sh [SUITE [COMMAND…]]        as root; SUITE is bookworm (default) or trixie
#
# COMMAND (for example `make test`) is run afterwards in the clone inside, with everything built from nothing.
# rustup and its toolchains are this machine's, shown read-only inside, so that only what Debian and PyPI serve is
# fetched. MARROWSCOPE_PROOF_DIR names the folder to work in (default: one under /var/tmp, removed at the end).
set -euo pipefail

suite=${1:-bookworm}
shift || true
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
proof=${MARROWSCOPE_PROOF_DIR:-$(mktemp -d /var/tmp/marrowscope-proof-XXXXXX)}
chroot=$proof/$suite
[[ ${MARROWSCOPE_PROOF_DIR:-} ]] || trap 'rm -rf --one-file-system "$proof"' EXIT

fail() {
    echo "prove-bootstrap: $*" >&2
    exit 1
}
say() { echo "== $*" >&2; }

say "A bare Debian $suite in $chroot"
mkdir -p "$chroot"
[[ -e $chroot/.complete ]] || debootstrap --variant=minbase "$suite" "$chroot" >"$proof/debootstrap.log"
[[ $suite == trixie ]] && security=trixie-security || security=$suite-security
cat >"$chroot/etc/apt/sources.list" <<LIST
deb http://deb.debian.org/debian $suite main
deb http://deb.debian.org/debian $suite-updates main
deb http://deb.debian.org/debian-security $security main
LIST
# The way to the package registries is this machine's.
cp /etc/resolv.conf "$chroot/etc/resolv.conf"
mkdir -p "$chroot/opt/cargo/bin" "$chroot/opt/rustup"
cp -L /etc/ssl/certs/ca-certificates.crt "$chroot/opt/certificates.crt"

# Runs a command line inside, with its own mounts and processes: when it ends, nothing of them is left.
inside() {
    CARGO_BIN=${CARGO_HOME:-$HOME/.cargo}/bin RUSTUP=${RUSTUP_HOME:-$HOME/.rustup} CHROOT=$chroot \
        unshare --mount --pid --fork bash -euc '
            mount -t proc proc "$CHROOT/proc"
            mount --rbind /dev "$CHROOT/dev"
            mount --bind "$CARGO_BIN" "$CHROOT/opt/cargo/bin"
            mount --bind -o ro "$RUSTUP" "$CHROOT/opt/rustup"
            exec chroot "$CHROOT" env -i PATH=/opt/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                HOME=/root LANG=C.UTF-8 RUSTUP_HOME=/opt/rustup RUSTUP_AUTO_INSTALL=0 \
                PIP_CERT=/opt/certificates.crt CARGO_HTTP_CAINFO=/opt/certificates.crt \
                NODE_EXTRA_CA_CERTS=/opt/certificates.crt bash -euc "$0"
        ' "$1"
}

if [[ ! -e $chroot/.complete ]]; then
    say "What a person is asked to have: git, make, Python with pip, gcc"
    inside 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq
            apt-get install -qq -y --no-install-recommends git make python3 python3-pip gcc ca-certificates' \
        >"$proof/packages.log" 2>&1 || fail "see $proof/packages.log"
    touch "$chroot/.complete"
fi

say "A clone of $(git -C "$root" rev-parse --short HEAD), without what is not committed"
rm -rf "$chroot/srv/marrowscope"
git clone --quiet "$root" "$chroot/srv/marrowscope"
bootstrap='cd /srv/marrowscope && scripts/bootstrap.sh'

inside 'git config --global --add safe.directory "*"'
if [[ ! -e $chroot/usr/lib/postgresql ]]; then
    say "Somebody who may not install anything is told what to type"
    if inside 'cd /srv/marrowscope && setpriv --reuid=65534 --regid=65534 --clear-groups \
            env HOME=/tmp scripts/bootstrap.sh run' >"$proof/told.log" 2>&1 </dev/null; then
        fail "it did not stop"
    fi
    grep -q '^    sudo apt-get install .*postgresql' "$proof/told.log" || fail "see $proof/told.log"
fi

for goal in run test; do
    say "bootstrap $goal, as root"
    started=$SECONDS
    inside "$bootstrap $goal" >"$proof/$goal.log" 2>&1 </dev/null || fail "see $proof/$goal.log"
    echo "   $((SECONDS - started)) s" >&2

    say "bootstrap $goal again: nothing to do, nothing to say"
    started=$(date +%s%N)
    said=$(inside "$bootstrap $goal" 2>&1) || fail "the second run failed: $said"
    [[ -z $said ]] || fail "the second run said: $said"
    echo "   $((($(date +%s%N) - started) / 1000000)) ms" >&2
done

say "What came of it"
inside 'ls -d /etc/postgresql/*/* 2>/dev/null && exit 1 || echo "no Postgres cluster was made"'
inside '! [ -e /etc/postgresql-common/createcluster.d/marrowscope.conf ]' || fail "the setting was left behind"
inside 'ls /usr/lib/postgresql/*/bin/initdb
        cd /srv/marrowscope && cat .tools/env
        "$(sed -n s/^MARROWSCOPE_NODE=//p .tools/env)" --version
        "$(sed -n s/^MARROWSCOPE_NODE=//p .tools/env)" "$(sed -n s/^MARROWSCOPE_NPM=//p .tools/env)" --version
        chromium --version; ls /usr/lib/chromium/vk_swiftshader_icd.json
        cargo --version; python3 -m venv /tmp/venv && echo "virtual environments can be made"'

if (($#)); then
    say "$*"
    started=$SECONDS
    inside "cd /srv/marrowscope && $*"
    echo "   $((SECONDS - started)) s" >&2
fi
say "proven on $suite"
