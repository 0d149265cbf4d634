"""`python -m heirloom.embedded`: what `make run` and `make dev` start."""

import argparse
import sys

from heirloom import env
from heirloom.embedded.run import Options, run, with_database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m heirloom.embedded", description="Run Heirloom on this machine.")
    parser.add_argument("--dev", action="store_true", help="show all logs, and restart services when code changes")
    commands = parser.add_subparsers(dest="command")
    database = commands.add_parser("with-database", help="run a Python program with the embedded database up")
    database.add_argument("program", nargs=argparse.REMAINDER, help="for example: manage.py createsuperuser")
    arguments = parser.parse_args()
    if arguments.command == "with-database":
        return with_database(arguments.program)
    return run(Options(port=env.integer("PORT", 8000), reload=arguments.dev))


if __name__ == "__main__":
    sys.exit(main())
