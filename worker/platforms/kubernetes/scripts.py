"""What the containers of an instance run around the image's own program: POSIX sh, for Debian's and busybox's.

Both get the volume's folder as $1. What lies there:

    lock           held by whoever uses the volume, for its whole life (hazards H2); never removed
    uuid           of these data: a new volume has a new one, the same volume the same
    couchdb/       databases and indexes
    local.d/       10-kanto.ini, 20-uuid.ini, and docker.ini, in which CouchDB keeps what is set at run time

So data, uuid and a fence live and go together (hazards H9). Measured: an exec'd program inherits the lock's descriptor
from dash, bash and busybox's ash alike.
"""

TRIES = 30
"""Seconds to wait for a server of before that has not ended. Then the container ends, and the kubelet tries again."""

_LOCK = f"""\
exec 9>>"$1/lock"
tries=0
until flock -n 9; do
  tries=$((tries + 1))
  if [ "$tries" -ge "${{KANTO_LOCK_TRIES:-{TRIES}}}" ]; then
    echo "the volume is locked: another server is using it" >&2
    exit 1
  fi
  sleep 1
done
"""

PREPARE = f"""\
set -eu
umask 077
{_LOCK}cd "$1"
[ -d couchdb ] || rm -f uuid local.d/docker.ini
mkdir -p couchdb local.d
put() {{ cat > "$1.new"; sync "$1.new" || :; mv "$1.new" "$1"; }}
[ -s uuid ] || tr -d '\\n-' < /proc/sys/kernel/random/uuid | put uuid
put local.d/10-kanto.ini < "$2"
printf '[couchdb]\\nuuid = %s\\n' "$(cat uuid)" | put local.d/20-uuid.ini
[ -e local.d/docker.ini ] || : > local.d/docker.ini
"""
"""The init container's. $2 is the file of settings that all instances share.

Where there are no databases (an emptied volume), the uuid and the fence of those that were there go too.
"""

SERVE = f"""\
set -eu
{_LOCK}shift
exec "$@"
"""
"""The instance's. It takes the lock and becomes the program that the other arguments name."""
