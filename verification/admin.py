"""Verifications in Django admin: to be read, and to find the review of one."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.decision.policy_words import CAVEATS
from heirloom.decision.sight import LOOK
from heirloom.errors import CODES
from heirloom.reviews.models import Review
from verification.models import Verification
from verification.words import in_two_digits


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "mode", "claimed", "outcome_shown", "decision", "similarity_shown", "policy")
    list_filter = ("outcome", "decision", "mode")
    date_hierarchy = "created_at"
    search_fields = ("person__full_name", "person__employee_id")
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("id", "mode", "claimed", "requested_by", "created_at", "finished_at")}),
        ("Decision", {"fields": ("outcome_shown", "decision", "why", "review", "decided_at")}),
        (
            "Measured",
            {
                "fields": (
                    "similarity_shown", "confidence_shown", "threshold", "policy", "whom_it_fails", "model",
                    "reference_count", "frame_count", "attack_outcome", "attack_score",
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = (
        "claimed", "outcome_shown", "requested_by", "similarity_shown", "confidence_shown", "whom_it_fails", "why",
        "review",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verification]:
        return Verification.objects.select_related("person", "owner")

    @admin.display(description="Person")
    def claimed(self, verification: Verification) -> str:
        return verification.person.full_name if verification.person else "—"

    @admin.display(description="Requested by")
    def requested_by(self, verification: Verification) -> str:
        return verification.owner.username if verification.owner else "—"

    @admin.display(description="Outcome", ordering="outcome")
    def outcome_shown(self, verification: Verification) -> str:
        return verification.outcome_words

    @admin.display(description="Whom the policy fails")
    def whom_it_fails(self, verification: Verification) -> str:
        return "; ".join(CAVEATS.get(each, each) for each in verification.policy_caveats) or "—"

    @admin.display(description="Similarity")
    def similarity_shown(self, verification: Verification) -> str:
        return in_two_digits(LOOK.similarity(verification.similarity))

    @admin.display(description="Confidence")
    def confidence_shown(self, verification: Verification) -> str:
        return in_two_digits(LOOK.confidence(verification.confidence, verification.similarity))

    @admin.display(description="Reasons")
    def why(self, verification: Verification) -> Any:
        return format_html_join("", "<div>{}</div>", ((CODES[code].text,) for code in verification.reasons)) or "—"

    @admin.display(description="Review")
    def review(self, verification: Verification) -> SafeString | str:
        review = Review.objects.filter(kind="verification", subject_id=verification.id).first()
        if review is None:
            return "—"
        link = reverse("admin:reviews_review_change", args=[review.id])
        words = review.get_verdict_display() if review.is_decided else "Waits for a reviewer"
        return format_html('<a class="hl-link" href="{}">{}</a>', link, words)
