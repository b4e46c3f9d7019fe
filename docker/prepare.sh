#!/usr/bin/env bash
# Prepares a fresh clone: Debian's programs, npm packages, build. Repeats only the steps that are out of date.
set -euo pipefail
cd "$(dirname "$0")/.."

docker/install-programs.sh
stamp=node_modules/.package-lock.json
if [ ! -e "$stamp" ] || [ package-lock.json -nt "$stamp" ] || [ package.json -nt "$stamp" ]; then
  # Not `npm ci`: it refuses a lock file that lacks the tools' builds for other platforms.
  npm install --no-save --no-audit --loglevel=error >&2
  touch "$stamp"
fi
built=dist/cli/main.js
if [ ! -e "$built" ] || [ -n "$(find src package.json -newer "$built" -print -quit)" ]; then
  npm run --silent build
fi
