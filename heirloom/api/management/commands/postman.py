"""manage.py postman: the API as a Postman collection."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from heirloom.api.document import whole
from heirloom.api.postman import collection


class Command(BaseCommand):
    help = "Print the API as a Postman collection (format 2.1), made from the OpenAPI document."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(json.dumps(collection(whole()), indent=2))
