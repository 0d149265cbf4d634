"""Lists in pages that stay right while rows come in."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")


class ByName(NewestFirst):
    ordering = ("full_name", "id")
