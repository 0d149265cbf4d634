#!/bin/sh
# The commands of the image: web, worker, vision, beat; migrate, manage ARGUMENT..., healthy PART.
set -eu
cd /app 2>/dev/null || cd "$(dirname "$0")/.."

command="${1:-web}"
[ "$#" -eq 0 ] || shift

case "$command" in
  web)
    exec gunicorn heirloom.asgi:application --worker-class heirloom.embedded.connections.GunicornWorker --asgi-lifespan off \
      --workers "${WEB_WORKERS:-2}" --bind "0.0.0.0:${PORT:-8000}" --graceful-timeout 20 --timeout 60 \
      --limit-request-line 8190 --worker-tmp-dir /dev/shm --websocket-max-message-size 4096 "$@"
    ;;
  worker | vision | beat | vision+worker)
    # Our supervisor: starts again what died, and gives jobs 20 s to end when the container is stopped.
    exec python -m heirloom.embedded serve $(echo "$command" | tr + ' ') "$@"
    ;;
  migrate)
    exec python manage.py prepare "$@"
    ;;
  collectstatic)
    # At build time there is no installation yet: nothing here is secret, and no database is asked.
    SECRET_KEY=build-only DATABASE_URL=postgresql://nobody@127.0.0.1:1/none DATABASE_POOL=0 \
      exec python manage.py collectstatic --noinput --verbosity 0
    ;;
  healthy)
    exec python -m heirloom.embedded healthy "$@"
    ;;
  manage)
    exec python manage.py "$@"
    ;;
  *)
    exec "$command" "$@"
    ;;
esac
