"""Rows that Django admin shows and never writes."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin

MOST_WORDS = 8


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Show what is listed, filter by what is listed, and write nothing: services are the only writers."""

    actions: tuple[str, ...] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Search by the first words only: each is one more condition on every searched column."""
        return super().get_search_results(request, queryset, " ".join(search_term.split()[:MOST_WORDS]))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filters that the list offers. Any other lookup could guess a secret column bit by bit."""
        offered = {one if isinstance(one, str) else one.parameter_name for one in self.list_filter}
        offered.add(self.date_hierarchy)
        return lookup.split("__", maxsplit=1)[0] in offered and super().lookup_allowed(lookup, value, request)
