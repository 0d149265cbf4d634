"""`python -m heirloom.embedded`: what `make run`, `make dev` and the containers start."""

import argparse
import sys

from django.core.exceptions import ImproperlyConfigured

PARTS = ("vision", "worker", "beat")


def main() -> int:
    arguments = _arguments()
    try:
        return _do(arguments)
    except ImproperlyConfigured as error:
        print(f"The configuration cannot be used: {error}", file=sys.stderr)
        return 1


def _do(arguments: argparse.Namespace) -> int:
    # Imported here because this reads the settings, which may be wrong.
    from heirloom import env  # noqa: PLC0415
    from heirloom.embedded.run import Options, run, with_database  # noqa: PLC0415
    from heirloom.embedded.serve import healthy, serve  # noqa: PLC0415

    if arguments.command == "with-database":
        return with_database(arguments.program)
    if arguments.command == "serve":
        return serve(arguments.names)
    if arguments.command == "healthy":
        return healthy(arguments.parts)
    return run(Options(port=env.integer("PORT", 8000), reload=arguments.dev))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m heirloom.embedded", description="Run Heirloom on this machine.")
    parser.add_argument("--dev", action="store_true", help="show all logs, and restart services when code changes")
    commands = parser.add_subparsers(dest="command")
    database = commands.add_parser("with-database", help="run a Python program with the embedded database up")
    database.add_argument("program", nargs=argparse.REMAINDER, help="for example: manage.py createsuperuser")
    serving = commands.add_parser("serve", help="run some programs of a container under the supervisor")
    serving.add_argument("names", nargs="+", choices=PARTS)
    health = commands.add_parser("healthy", help="exit with 0 if these parts of a container are well")
    health.add_argument("parts", nargs="+", choices=("web", "vision", "worker"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
