#!/usr/bin/env bash
# Runs the tests of the images with Docker: with the engine that is there, else with one started for it and ended after it.
set -euo pipefail
cd "$(dirname "$0")/../.."

main() {
  if ! docker info >/dev/null 2>&1; then start_engine; fi
  docker/install-programs.sh systemd-analyze
  node_modules/.bin/vitest run --config vitest.docker.config.ts "$@"
}

start_engine() {
  local starter=${FAIRLEAD_LOCAL_DOCKER:-../shared/local-docker.sh}
  if [ ! -e "$starter" ]; then
    echo "fairlead: No Docker engine answers: install Docker (Debian's packages docker.io and docker-compose), start it, and run the command again." >&2
    exit 1
  fi
  engine=$(mktemp -d /tmp/fd.XXXX) # short: a socket's path has 107 characters at most
  trap 'bash "$starter_path" down "$engine" >&2 || true' EXIT
  starter_path=$(realpath "$starter")
  echo "Starting a Docker engine of our own" >&2
  bash "$starter_path" up "$engine" >"$engine.log" 2>&1 || { cat "$engine.log" >&2; exit 1; }
  rm -f "$engine.log"
  export PATH="$engine/deb/usr/bin:$PATH" DOCKER_HOST="unix://$engine/d.sock" DOCKER_BUILDKIT=1
}

main "$@"
