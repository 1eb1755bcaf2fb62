#!/bin/sh
# Builds the Debian package from this tree and prints the package's path as the last line.
#
#   packaging/build-deb.sh [VERSION]
#
# VERSION, or else $LONC_DEB_VERSION, takes the place of the version in debian/changelog: to try an upgrade.
# $CARGO_TARGET_DIR is used if set, else target/. The package is left in its subdirectory deb/.
#
# The compiler is the cargo in PATH: Debian's own is too old for this code. The build profile pkg.lonc.rustup says so
# to dpkg, which then checks all other build needs. As root, those that are missing are installed.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
version=${1:-${LONC_DEB_VERSION:-}}
CARGO_TARGET_DIR=$(mkdir -p "${CARGO_TARGET_DIR:-$top/target}" && cd "${CARGO_TARGET_DIR:-$top/target}" && pwd)
# debhelper gives its helpers another home; the compiler lives in this one.
CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export CARGO_TARGET_DIR CARGO_HOME RUSTUP_HOME
out=$CARGO_TARGET_DIR/deb
tree=$out/lonc

say() { echo "build-deb: $*" >&2; }

install_needs() {
	missing=
	for package in build-essential debhelper; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		say "needed:$missing; install them, or run this as root"
		exit 1
	fi
	say "installing$missing"
	apt-get update >&2
	# shellcheck disable=SC2086 # a list of packages
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2
}

copy_tree() {
	rm -rf "$out"
	mkdir -p "$tree"
	if git -C "$top" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		# What git knows or would take in, as it is now; deleted files are not there to be copied.
		(cd "$top" && git ls-files -z --cached --others --exclude-standard |
			tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null) | tar -C "$tree" -xf -
	else
		(cd "$top" && tar --exclude=./target --exclude=./.git -cf - .) | tar -C "$tree" -xf -
	fi
	cp -R "$tree/packaging/debian" "$tree/debian"
}

set_version() {
	[ -n "$version" ] || return 0
	{
		sed "1s/(.*)/($version)/; s/^  \* .*/  * Built as version $version./; s/^\( -- .*>  \).*/\1$(date -R)/" "$top/packaging/debian/changelog"
		echo
		cat "$top/packaging/debian/changelog"
	} >"$tree/debian/changelog"
}

install_needs
copy_tree
set_version
say "building with $(cargo --version)"
(cd "$tree" && cargo fetch --locked && dpkg-buildpackage -b -us -uc -Ppkg.lonc.rustup) >&2
if command -v lintian >/dev/null; then
	say "lintian"
	lintian --fail-on error,warning "$out"/lonc_*.changes >&2
fi
ls "$out"/lonc_*.deb
