#!/bin/sh
# Installs Varnish and tcc without gcc and its libraries, which Debian's package of Varnish depends on. An empty
# package satisfies that dependency, so that apt can install more later.
set -eu
export DEBIAN_FRONTEND=noninteractive
empty_package=$(mktemp -d)
mkdir "$empty_package/DEBIAN"
cat >"$empty_package/DEBIAN/control" <<CONTROL
Package: fairlead-no-gcc
Version: 1
Architecture: all
Maintainer: Fairlead
Provides: gcc, libc-dev
Description: empty replacement for gcc, as tcc compiles VCL here
CONTROL
dpkg-deb --build "$empty_package" "$empty_package.deb" >/dev/null
dpkg --install "$empty_package.deb" >/dev/null
rm -rf "$empty_package" "$empty_package.deb"
apt-get update -qq
apt-get install -y -qq --no-install-recommends varnish tcc >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /etc/varnish
