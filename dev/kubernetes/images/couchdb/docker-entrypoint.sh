#!/bin/sh
# Prepares a start as the official CouchDB 3.x image does: the environment goes to the last ini file, unless it is
# there already; then it runs the command. For the stand-in; it speaks to the same folders below /opt/couchdb/etc.
set -eu

etc=/opt/couchdb/etc
case "${1:-}" in
couchdb) shift && set -- /opt/couchdb/bin/couchdb "$@" ;;
-* | +* | '') set -- /opt/couchdb/bin/couchdb "$@" ;;
esac

# Whether an ini file sets `key` in `[section]`: has SECTION KEY (the key as it is, no pattern).
has() {
  cat "$etc"/default.d/*.ini "$etc/local.ini" "$etc"/local.d/*.ini 2>/dev/null | awk -v section="[$1]" -v key="$2" '
    /^\[/ { here = ($0 == section) }
    here { split($0, parts, "="); gsub(/[ \t]+$/, "", parts[1]); if (parts[1] == key) found = 1 }
    END { exit !found }'
}

if [ "$1" = /opt/couchdb/bin/couchdb ]; then
  written="$etc/local.d/docker.ini"
  touch "$written"
  if [ -n "${COUCHDB_USER:-}" ] && [ -n "${COUCHDB_PASSWORD:-}" ] && ! has admins "$COUCHDB_USER"; then
    printf '\n[admins]\n%s = %s\n' "$COUCHDB_USER" "$COUCHDB_PASSWORD" >> "$written"
  fi
  if [ -n "${COUCHDB_SECRET:-}" ] && ! has chttpd_auth secret; then
    printf '\n[chttpd_auth]\nsecret = %s\n' "$COUCHDB_SECRET" >> "$written"
  fi
fi
exec "$@"
