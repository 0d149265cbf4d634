from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from heirloom.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin):  # type: ignore[misc]
    """The log, to be read only. The database would refuse a change too."""

    list_display = ("sequence", "at", "action", "actor_kind", "actor_id", "subject_kind", "subject_id")
    list_filter = ("action", "subject_kind")
    search_fields = ("subject_id", "actor_id")
    date_hierarchy = "at"
    ordering = ("-sequence",)
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
