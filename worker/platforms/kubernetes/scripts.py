"""What the containers of an instance run before the image's own program: POSIX sh, for Debian's and busybox's."""

TRIES = 30
"""Seconds to wait for a server of before that has not ended. Then the container ends, and the kubelet tries again."""


def build_script(*, tries: int = TRIES) -> str:
    """Make a volume ready, then become the program that the other arguments name, if any.

    $1 is the volume's folder, $2 the file of settings that all instances share. What lies on the volume:

        lock           held by whoever uses the volume, for its whole life (hazards H2); never removed
        uuid           of these data: a new volume has a new one, the same volume the same
        couchdb/       databases and indexes
        local.d/       10-kanto.ini, 20-uuid.ini, and docker.ini, in which CouchDB keeps what is set at run time

    So data, uuid and a fence live and go together (hazards H9): where databases are gone, so are the others. The
    program inherits the lock's descriptor. The trap is for the waiting: without one, process 1 of a container
    ignores SIGTERM.
    """
    return f"""\
set -eu
umask 077
trap 'exit 143' TERM
command -v flock > /dev/null || {{
  echo "the image has no flock, without which nobody knows whether a volume is in use" >&2
  exit 127
}}
exec 9>>"$1/lock"
tries=1
until flock -n 9; do
  if [ "$tries" -ge {tries} ]; then
    echo "the volume is locked: another server is using it" >&2
    exit 1
  fi
  tries=$((tries + 1))
  sleep 1
done
cd "$1"
put() {{
  cat > "$1.new"
  sync "$1.new" || :
  mv "$1.new" "$1"
}}
[ -d couchdb ] || rm -f uuid local.d/docker.ini
mkdir -p couchdb local.d
[ -s uuid ] || tr -d '\\n-' < /proc/sys/kernel/random/uuid | put uuid
put local.d/10-kanto.ini < "$2"
printf '[couchdb]\\nuuid = %s\\n' "$(cat uuid)" | put local.d/20-uuid.ini
[ -e local.d/docker.ini ] || : > local.d/docker.ini
cd /
trap - TERM
shift 2
[ "$#" -eq 0 ] || exec "$@"
"""
