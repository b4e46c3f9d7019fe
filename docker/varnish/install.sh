#!/bin/sh
# Installs Varnish and tcc without gcc and its libraries, which Debian's package of Varnish depends on. A package that
# holds nothing stands in for them, so that apt stays content when more is installed.
set -eu
export DEBIAN_FRONTEND=noninteractive
stand_in=$(mktemp -d)
mkdir "$stand_in/DEBIAN"
cat >"$stand_in/DEBIAN/control" <<CONTROL
Package: fairlead-no-gcc
Version: 1
Architecture: all
Maintainer: Fairlead
Provides: gcc, libc-dev
Description: stands in for gcc, as tcc compiles VCL here
CONTROL
dpkg-deb --build "$stand_in" "$stand_in.deb" >/dev/null
dpkg --install "$stand_in.deb" >/dev/null
rm -rf "$stand_in" "$stand_in.deb"
apt-get update -qq
apt-get install -y -qq --no-install-recommends varnish tcc >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /etc/varnish
