#!/bin/sh
# Reads secrets from files into the environment of this one process, and becomes `leeward`.
set -eu

secrets=/run/secrets
if [ -z "${LEEWARD_DATABASE__URL:-}" ] && [ -r "$secrets/database_password" ]; then
    password=$(cat "$secrets/database_password")
    export LEEWARD_DATABASE__URL="postgresql://leeward:$password@database/leeward"
fi
if [ -z "${LEEWARD_VENUE__API_SECRET:-}" ] && [ -r "$secrets/api_secret" ]; then
    LEEWARD_VENUE__API_SECRET=$(cat "$secrets/api_secret")
    export LEEWARD_VENUE__API_SECRET
fi
if [ -z "${LEEWARD_ALERTS__CHANNELS:-}" ] && [ -r "$secrets/alerts_channels" ]; then
    LEEWARD_ALERTS__CHANNELS=$(cat "$secrets/alerts_channels")
    export LEEWARD_ALERTS__CHANNELS
fi
exec leeward "$@"
