#!/usr/bin/env bash
# Runs the tests of the images with Docker: with the engine that is there, else with one started for it and ended after
# it, however it ends.
set -euo pipefail
cd "$(dirname "$0")/../.."

main() {
  if ! docker info >/dev/null 2>&1; then start_engine; fi
  docker/install-programs.sh systemd-analyze
  node_modules/.bin/vitest run --config vitest.docker.config.ts "$@"
}

start_engine() {
  local starter=${FAIRLEAD_LOCAL_DOCKER:-../shared/local-docker.sh}
  [ -e "$starter" ] || die "No Docker engine answers, and there is no $starter to start one"
  [ "$(id -u)" -eq 0 ] || die "No Docker engine answers, and only root can start one"
  command -v apt-get >/dev/null || die "No Docker engine answers, and without apt-get none can be installed"
  starter_path=$(realpath "$starter")
  engine=$(mktemp -d /tmp/fd.XXXX) # short: a socket's path has 107 characters at most
  trap end_engine EXIT
  echo "Starting a Docker engine of our own" >&2
  if ! bash "$starter_path" up "$engine" >"$engine.log" 2>&1; then
    cat "$engine.log" >&2
    die "No Docker engine answers, and none could be started: see above"
  fi
  export PATH="$engine/deb/usr/bin:$PATH" DOCKER_HOST="unix://$engine/d.sock" DOCKER_BUILDKIT=1
}

end_engine() {
  bash "$starter_path" down "$engine" >&2 || true
  rm -f "$engine.log"
}

die() {
  echo "fairlead: $*. Install Docker (Debian's packages docker.io and docker-compose), start it, and run the command again." >&2
  exit 1
}

main "$@"
