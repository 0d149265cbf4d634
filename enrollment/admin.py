"""People in Django admin: to be looked up, without anything biometric. The work is done in the portal."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from enrollment.models import Person
from enrollment.querysets import PersonQuerySet
from heirloom.accounts.readonly_admin import ReadOnlyAdmin


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    list_display = ("full_name", "employee_id", "department", "position", "status", "references")
    list_filter = ("status", "department")
    search_fields = ("full_name", "employee_id", "external_id", "department")
    list_per_page = 50
    fields = (
        "full_name", "employee_id", "external_id", "department", "position", "email", "status", "references",
        "created_at", "updated_at", "in_the_portal",
    )  # fmt: skip
    readonly_fields = ("email", "references", "in_the_portal")

    def get_queryset(self, request: HttpRequest) -> PersonQuerySet:
        return Person.objects.with_reference_counts()

    @admin.display(description="References")
    def references(self, person: Person) -> int:
        return int(getattr(person, "reference_count", 0))

    @admin.display(description="Portal")
    def in_the_portal(self, person: Person) -> SafeString:
        return format_html(
            '<a class="hl-link" href="{}">Open the page of this person</a>', reverse("person", args=[person.id])
        )
