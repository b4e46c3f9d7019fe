#!/usr/bin/env bash
# Installs the programs Fairlead works with, on Debian: nginx, Varnish with tcc (it compiles VCL quickly), tini and Consul.
#
#   docker/install-programs.sh [PROGRAM ...]     default: nginx varnishd tcc tini consul
#
# Does nothing for a program that is already on the PATH. Starts no service.
# Consul is not in Debian 12: its package comes from Debian 11, pinned so low that nothing else follows it.
set -euo pipefail

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive

main() {
  local -a missing=()
  local program
  for program in "${@:-nginx varnishd tcc tini consul}"; do
    # The default is one word list; a caller's arguments are one word each.
    for program in $program; do
      command -v "$program" >/dev/null || missing+=("$program")
    done
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if ! command -v apt-get >/dev/null; then
    die "This machine has no apt: install ${missing[*]} by hand, put them on the PATH and run the command again."
  fi
  become_root "$@"
  echo "Installing ${missing[*]} from Debian's packages" >&2
  forbid_service_start
  update_package_lists
  local -a packages=()
  for program in "${missing[@]}"; do
    if [ "$program" = consul ]; then add_source_of_consul; fi
    packages+=("$(package_of "$program")")
  done
  apt-get install --yes --quiet --quiet --no-install-recommends "${packages[@]}" >/dev/null
  for program in "${missing[@]}"; do
    command -v "$program" >/dev/null || die "Debian's package $(package_of "$program") did not bring $program."
  done
}

# varnishd compiles VCL with a C compiler: gcc comes as varnish's own dependency.
package_of() {
  case "$1" in
    varnishd) echo varnish ;;
    systemd-analyze) echo systemd ;;
    *) echo "$1" ;;
  esac
}

become_root() {
  if [ "$(id -u)" -eq 0 ]; then return; fi
  command -v sudo >/dev/null || die "Installing packages takes root: run docker/install-programs.sh as root, then the command again."
  exec sudo --preserve-env=PATH "$0" "$@"
}

# Debian starts a service as soon as its package is installed. These programs are started by their users here.
forbid_service_start() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then return; fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

update_package_lists() {
  apt-get update --quiet --quiet || die "apt-get update failed: see its message above, mend the network or the sources, and run the command again."
}

add_source_of_consul() {
  if apt-cache policy consul | grep -q 'Candidate: [0-9]'; then return; fi
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keyring" ] || apt-get install --yes --quiet --quiet debian-archive-keyring >/dev/null
  mirror=$(mirror_of_this_machine)
  cat >/etc/apt/sources.list.d/fairlead-consul.sources <<SOURCE
Types: deb
URIs: $mirror
Suites: bullseye
Components: main
Signed-By: $keyring
SOURCE
  cat >/etc/apt/preferences.d/fairlead-consul <<PIN
Package: *
Pin: release n=bullseye
Pin-Priority: 100
PIN
  update_package_lists
}

# The mirror that this machine already takes Debian's main packages from.
mirror_of_this_machine() {
  local mirror
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(CREATED_BY)|$(SUITE)|$(COMPONENT)|$(REPO_URI)' 2>/dev/null |
    awk -F'|' '$1 == "Debian" && $2 == "Packages" && $4 == "main" && $5 !~ /security/ { print $5; exit }')
  [ -n "$mirror" ] || die "No Debian mirror is configured here: install consul by hand, put it on the PATH and run the command again."
  echo "$mirror"
}

die() {
  echo "fairlead: $*" >&2
  exit 1
}

main "$@"
