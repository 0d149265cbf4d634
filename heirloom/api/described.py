"""How the API's document is made: the settings of drf-spectacular."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Heirloom",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "heirloom.api.document.finish"],
    "ENUM_NAME_OVERRIDES": {
        "GestureEnum": "verification.api.serializers.GESTURES",
        "CaptureKindEnum": "enrollment.models.Capture.Kind",
        "CodeEnum": "enrollment.api.serializers.REASONS",
        "AttackOutcomeEnum": "verification.api.shown.ATTACK_OUTCOMES",
        "VerdictEnum": "heirloom.reviews.models.Review.Verdict",
    },
}
