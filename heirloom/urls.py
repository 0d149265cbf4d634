"""Every address of the product; those of probes stand in heirloom.portal.probes."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from enrollment import transcoding
from enrollment.api.imports import ImportViewSet
from enrollment.api.people import EnrollmentViewSet, PersonViewSet
from enrollment.api.registration import AddFaceView, RegisterMultipleView
from heirloom.api.postman import PostmanView
from heirloom.api.tokens import RefreshView, RevokeView, TokenView
from heirloom.portal.api import EraseView, ExportView, FaceVerificationView, JobView, ReleaseView
from heirloom.portal.api_keys import ApiKeyViewSet
from heirloom.reviews.api import ReviewViewSet
from heirloom.uploads.api import DirectUploadView, UploadsView, UploadView
from heirloom.webhooks.api import DeliveryViewSet, WebhookViewSet
from verification.api.challenges import ChallengeView
from verification.api.computation import AntiSpoofingView, CompareView, DetectUploadView, DetectView, RecognizeView
from verification.api.verifications import VerificationViewSet

router = SimpleRouter()
router.register("people", PersonViewSet, "person")
router.register("imports", ImportViewSet, "import")
router.register("enrollments", EnrollmentViewSet, "enrollment")
router.register("verifications", VerificationViewSet, "verification")
router.register("api-keys", ApiKeyViewSet, "api-key")
router.register("reviews", ReviewViewSet, "review")
router.register("webhooks", WebhookViewSet, "webhook")
router.register("deliveries", DeliveryViewSet, "delivery")

api = [
    path("auth/token/", TokenView.as_view(), name="token"),
    path("auth/token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("auth/token/revoke/", RevokeView.as_view(), name="token-revoke"),
    path("detect/", DetectView.as_view(), name="detect"),
    path("detect-upload/", DetectUploadView.as_view(), name="detect-upload"),
    path("compare/", CompareView.as_view(), name="compare"),
    path("recognize/", RecognizeView.as_view(), name="recognize"),
    path("anti-spoofing/", AntiSpoofingView.as_view(), name="anti-spoofing"),
    path("add-face/", AddFaceView.as_view(), name="add-face"),
    path("register-multiple/", RegisterMultipleView.as_view(), name="register-multiple"),
    path("challenges/", ChallengeView.as_view(), name="challenges"),
    path("uploads/", UploadsView.as_view(), name="uploads"),
    path("uploads/direct/", DirectUploadView.as_view(), name="uploads-direct"),
    path("uploads/<uuid:upload_id>/", UploadView.as_view(), name="upload"),
    path("people/<str:person_id>/erase/", EraseView.as_view(), name="person-erase"),
    path("people/<str:person_id>/export/", ExportView.as_view(), name="person-export"),
    path("people/<str:person_id>/face-verification/", FaceVerificationView.as_view(), name="person-face"),
    path("people/<str:person_id>/face-verification/release/", ReleaseView.as_view(), name="person-face-release"),
    path("jobs/<uuid:job_id>/", JobView.as_view(), name="job"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("postman/", PostmanView.as_view(), name="postman"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="swagger"),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
    *router.urls,
]
SAFE: dict[str, Any] = {"http_method_names": ["get", "head"]}
urlpatterns = [
    path("api/v1/", include(api)),
    # One door: signing in and changing the password is the portal's, with its lock and its rules.
    path("admin/login/", RedirectView.as_view(pattern_name="sign-in", query_string=True, **SAFE)),
    path("admin/password_change/", RedirectView.as_view(pattern_name="change-password", **SAFE)),
    path("admin/", admin.site.urls),
    path("transcoder/clips/<str:token>/", transcoding.clip, name="transcoder-clip"),
    path("transcoder/notices/<uuid:order>/", transcoding.notice, name="transcoder-notice"),
    path("", include("heirloom.portal.urls")),
]
handler404 = "heirloom.api.errors.page_not_found"
handler500 = "heirloom.api.errors.server_error"
