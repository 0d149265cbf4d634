"""Lists in pages that stay right while rows come in."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """A cursor that was not made here is 404, whatever is in it."""

    def paginate_queryset(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().paginate_queryset(*args, **kwargs)
        except (DataError, ValidationError, ValueError) as error:
            raise NotFound(self.invalid_cursor_message) from error


class NewestFirst(Pages):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-id")


class ByName(NewestFirst):
    ordering = ("full_name", "id")
