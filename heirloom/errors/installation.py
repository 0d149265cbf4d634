"""Codes of the installation itself."""

from heirloom.errors.code import Code

INSTALLATION: dict[str, Code] = {
    # the installation
    "busy": Code(503, "As many calls are computed at once as may be.", "Send it again as Retry-After says."),
    "queue_too_old": Code(
        503,
        "What was taken before has waited too long already.",
        "Send it again as Retry-After says; an operator can add workers.",
    ),
    "issuer_unavailable": Code(
        503,
        "The issuer of this token does not answer, so that it cannot be verified.",
        "Try again in a few seconds; an operator can run manage.py doctor.",
    ),
    "model_not_ready": Code(503, "The vision models are not loaded yet.", "Try again in a few seconds."),
    "model_changed": Code(
        503, "Another vision model became the active one while this was computed.", "Send it again now."
    ),
    "vision_unavailable": Code(
        503, "The vision process does not answer.", "Try again in a few seconds; an operator can run manage.py doctor."
    ),
    "weights_missing": Code(
        503,
        "A weights file is not here.",
        "An operator can get it (manage.py models pull) or bring it by hand (docs/models/README.md).",
    ),
    "weights_altered": Code(
        503,
        "A weights file is not the one it should be.",
        "An operator must remove it and pull it again: manage.py models verify names it.",
    ),
    "weights_unfit": Code(
        503,
        "A weights file does not do what its description says.",
        "An operator must mend the description beside it; docs/models/README.md explains each line.",
    ),
    "licence_not_acknowledged": Code(
        503,
        "The terms of these weights do not clearly allow commercial use.",
        "Read it; to use them nevertheless, name the pack in NONCOMMERCIAL_MODELS_ACKNOWLEDGED.",
    ),
    "model_in_use": Code(
        409, "Templates of this model are still needed.", "Switch to another pack first: manage.py reembed switch."
    ),
    "people_not_reembedded": Code(
        409,
        "People are enrolled with another model, whose templates this pack cannot compare with.",
        "Make their templates with the new pack first: manage.py reembed.",
    ),
    "database_unavailable": Code(503, "The database does not answer.", "Try again in a few seconds."),
    "storage_unavailable": Code(503, "The file storage does not answer.", "Try again in a few seconds."),
    "key_unavailable": Code(
        503, "The encryption key of this record is not in the key ring.", "An operator must restore the key."
    ),
    "seal_broken": Code(
        500,
        "What is stored about this does not open: it was changed, moved or cut since it was sealed.",
        "An operator must look: the log names the row, and a backup has it as it was.",
    ),
    "interrupted": Code(
        503, "The work was interrupted three times.", "Send the capture again; an operator can read the worker's log."
    ),
    "internal_error": Code(
        500,
        "Something went wrong on our side.",
        "Try again; if it stays, tell the operator the X-Request-Id of this answer.",
    ),
}
