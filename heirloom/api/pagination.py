"""Lists in pages that stay right while rows come in."""

import re
from typing import Any

from django.core.exceptions import ValidationError as InvalidValueError
from django.db import DataError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

# As many digits as a database has room for; more than `max_page_size` is cut down to that.
_SIZE = re.compile(r"0{0,9}[1-9][0-9]{0,17}")


class Pages(CursorPagination):
    """A cursor that was not made here is 404, whatever is in it; a page size that is no number is 400."""

    def get_page_size(self, request: Request) -> int | None:
        name = self.page_size_query_param
        if name and name in request.query_params and not _SIZE.fullmatch(request.query_params[name]):
            raise ValidationError({name: "Send a whole number from 1 on."})
        return super().get_page_size(request)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = {"type": "integer", "minimum": 1, "default": self.page_size}
                parameter["description"] = f"How many to a page, at most {self.max_page_size}."
        return parameters

    def paginate_queryset(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().paginate_queryset(*args, **kwargs)
        except (DataError, InvalidValueError, ValueError) as error:
            raise NotFound(self.invalid_cursor_message) from error


class NewestFirst(Pages):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-id")


class ByName(NewestFirst):
    ordering = ("full_name", "id")
