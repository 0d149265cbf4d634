"""The review queue in Django admin: one page for each case, and one final word."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from heirloom.accounts.models import User
from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.api import ranges
from heirloom.errors import CODES, Refusal
from heirloom.reviews import services
from heirloom.reviews.cases import Case, case_kind
from heirloom.reviews.models import Review
from heirloom.reviews.querysets import ReviewQuerySet

KINDS = {
    "verification": "Verification",
    "duplicate": "Possible duplicate",
    "replacement": "Enrolled again",
    "turned": "Turned face",
}


class DecidedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("decided", "Decided"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        chosen = self.value() or "open"
        for value, words in self.lookup_choices:
            link = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": chosen == value, "query_string": link, "display": words}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.exclude(verdict="") if self.value() == "decided" else queryset.open()


class VerdictForm(forms.Form):
    """A reviewer's word. What it does is the service's business."""

    reason_code = forms.ChoiceField(label="Reason", widget=forms.RadioSelect)
    comment = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed for another reason.",
    )

    def __init__(self, *args: Any, reason_codes: tuple[tuple[str, str], ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["reason_code"]).choices = reason_codes


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """Cases are read here and decided by the service; nothing of them can be typed over."""

    list_display = ("case", "claimed", "why", "risk_shown", "age", "held_by", "decision")
    list_filter = (DecidedFilter, "kind")
    list_per_page = 50
    sortable_by = ()
    list_filter_submit = False

    def get_urls(self) -> list[URLPattern]:
        picture, clip = self.admin_site.admin_view(self.picture), self.admin_site.admin_view(self.clip)
        return [
            path("<uuid:review_id>/picture/<str:key>/", picture, name="reviews_review_picture"),
            path("<uuid:review_id>/clip/", clip, name="reviews_review_clip"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> ReviewQuerySet:
        return Review.objects.select_related("claimed_by", "decided_by")

    def get_ordering(self, request: HttpRequest) -> Any:
        if request.GET.get("state") == "decided":
            return ("-decided_at",)
        return Review.objects.queue().query.order_by

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Give each row its title: one query for each kind, not one for each row."""
        shown = super().get_changelist_instance(request)
        subjects: dict[str, list[uuid.UUID]] = defaultdict(list)
        for review in shown.result_list:
            subjects[review.kind].append(review.subject_id)
        titles = {kind: case_kind(kind).titles(ids) for kind, ids in subjects.items()}
        for review in shown.result_list:
            review.title = titles[review.kind].get(review.subject_id, "Erased")
        return shown

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one case. A POST is an act of a reviewer: claim, release, approved or rejected."""
        review = self.get_object(request, unquote(object_id))
        if review is None:
            raise Http404
        self._check(request)
        kind = case_kind(review.kind)
        case = kind.show(review)
        form = VerdictForm(request.POST or None, reason_codes=case.reason_codes if case else ())
        if request.method == "POST" and self._act(request, review, form):
            return HttpResponseRedirect(request.path)
        return TemplateResponse(request, "admin/reviews/review/case.html", self._shown(request, review, case, form))

    def picture(self, request: HttpRequest, review_id: uuid.UUID, key: str) -> HttpResponse:
        """A picture of a case, never stored by anybody on the way; the audit log notes the view."""
        self._check(request)
        review = get_object_or_404(Review, pk=review_id)
        with _not_found():
            jpeg = case_kind(review.kind).read_picture(review, key, _login(request))
        return HttpResponse(jpeg, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})

    def clip(self, request: HttpRequest, review_id: uuid.UUID) -> HttpResponseBase:
        """The clip of a case, or the part of it that a player asks for, as `picture` gives pictures."""
        self._check(request)
        review = get_object_or_404(Review, pk=review_id)
        with _not_found():
            readable = case_kind(review.kind).open_clip(review, _login(request))
        return ranges.answer(request, readable, content_type="video/mp4")

    def _check(self, request: HttpRequest) -> None:
        if not (_login(request).has_role(*services.DECIDING_ROLES) and self.has_view_permission(request)):
            raise PermissionDenied

    def _act(self, request: HttpRequest, review: Review, form: VerdictForm) -> bool:
        """Do what was asked for and say so; False when the form must be shown again."""
        act, reviewer = request.POST.get("act", ""), _login(request)
        if act not in {"claim", "release"} and not (act in Review.Verdict.values and form.is_valid()):
            return False
        try:
            if act == "claim":
                services.claim(review_id=review.id, reviewer=reviewer)
                messages.success(request, "The case is yours for half an hour.")
            elif act == "release":
                services.release(review_id=review.id, reviewer=reviewer)
                messages.success(request, "The case is free for others again.")
            else:
                services.decide(review_id=review.id, reviewer=reviewer, verdict=act, **form.cleaned_data)
                messages.success(request, "Decided. This is final.")
        except Refusal as refusal:
            messages.error(request, f"{refusal.detail} {refusal.entry.remedy}")
            return refusal.code != "validation_error"
        return True

    def _shown(self, request: HttpRequest, review: Review, case: Case | None, form: VerdictForm) -> dict[str, Any]:
        held = services.holder(review)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{KINDS.get(review.kind, review.kind)}: {case.claimed if case else 'erased'}",
            "review": review,
            "case": case,
            "form": form,
            "panels": (case.reference, case.probe) if case else (),
            "reason_words": dict(case.reason_codes).get(review.reason_code, "") if case else "",
            "reasons": [CODES[code] for code in review.reasons],
            "held_by": held,
            "may_decide": services.may_decide(review, _login(request)),
            "is_mine": held is not None and held.pk == request.user.pk,
            "is_free": held is None or held.pk == request.user.pk,
            "waiting": Review.objects.open().exclude(pk=review.pk).count(),
            "next": Review.objects.queue().exclude(pk=review.pk).first(),
        }

    @admin.display(description="Case")
    def case(self, review: Review) -> str:
        return KINDS.get(review.kind, review.kind)

    @admin.display(description="Person")
    def claimed(self, review: Review) -> str:
        return str(getattr(review, "title", "—"))

    @admin.display(description="Reasons")
    def why(self, review: Review) -> SafeString:
        return format_html_join("", "<div>{}</div>", ((CODES[code].text,) for code in review.reasons))

    @admin.display(description="Risk")
    def risk_shown(self, review: Review) -> SafeString:
        level = "high" if review.risk >= 0.5 else "middle" if review.risk >= 0.3 else "low"
        return format_html('<span class="hl-risk hl-risk-{}">{}</span>', level, f"{100 * review.risk:.0f} %")

    @admin.display(description="Waiting for")
    def age(self, review: Review) -> SafeString:
        late = not review.is_decided and review.due_at < timezone.now()
        waited = timesince(review.created_at, review.decided_at, depth=1)
        return format_html('<span class="{}">{}</span>', "hl-late" if late else "", waited)

    @admin.display(description="Held by")
    def held_by(self, review: Review) -> str:
        held = services.holder(review)
        return held.username if held else "—"

    @admin.display(description="Decision")
    def decision(self, review: Review) -> str:
        return f"{review.verdict} by {review.decided_by}" if review.is_decided else "—"


@contextmanager
def _not_found() -> Iterator[None]:
    """Answer 404 for what is not there; a part of the installation that is away is another matter."""
    try:
        yield
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        raise Http404 from refusal


def _login(request: HttpRequest) -> User:
    return cast(User, request.user)
