"""Codes of requests, imports, webhooks and uploads."""

from heirloom.errors.code import Code

REQUESTS: dict[str, Code] = {
    # requests
    "validation_error": Code(400, "The request is not valid.", "Mend the named field."),
    "model_not_available": Code(
        400, "This model is not installed here.", "Name one of the installed models, or leave model_name out."
    ),
    "invalid_gallery": Code(
        400, "The gallery filter is not understood.", 'Send {"person_ids": [...]} or {"department": "..."}.'
    ),
    "person_suspended": Code(409, "This person is suspended.", "HR can set the person active again."),
    "consent_required": Code(422, "No active consent covers this.", "Record the person's consent first."),
    "consent_not_attestable": Code(
        403,
        "This client did not make this person, or the consent was withdrawn, so it cannot vouch for one.",
        "Have HR record the consent, or an admin record the basis on which this client enrolls.",
    ),
    "employee_id_taken": Code(
        409, "Another person has this employee number.", "Check the number, or open that person's page."
    ),
    "already_decided": Code(409, "This case is already decided.", "A decision is final; open a new verification."),
    "own_request": Code(
        403,
        "You asked for this yourself, so another must decide it.",
        "Leave it to another login with the role reviewer; an admin can make one.",
    ),
    "claimed_by_another": Code(
        409, "Another reviewer holds this case.", "Wait until it is released, or ask that reviewer."
    ),
    "person_erased": Code(
        409,
        "The person was erased before this was decided.",
        "Nothing need be done; all that was sent about the person is deleted.",
    ),
    "cancelled": Code(409, "The verification was cancelled.", "Send the capture again if it is still to be verified."),
    "idempotency_key_reused": Code(
        422, "This Idempotency-Key was used for another request.", "Make a new key for each new request."
    ),
    "idempotency_in_progress": Code(
        409, "The same request is being carried out.", "Wait as long as Retry-After says, and send it again."
    ),
    "idempotency_answer_erased": Code(
        409, "What this request was about has been erased since.", "Make a new key if it is meant anew."
    ),
    "token_not_valid": Code(
        401, "This token is not valid.", "Refresh it, or sign in again; a refresh token counts once."
    ),
    "no_active_account": Code(
        401, "No active login has this name and password.", "Check both; after ten failures a pause is asked for."
    ),
    "too_many_tries": Code(
        429,
        "There were too many failed sign-ins with this name or from this address.",
        "Wait as long as Retry-After says; apps that sign in often are better off with an API key.",
    ),
    "password_change_required": Code(
        401,
        "This password was given by somebody else.",
        "Sign in at /sign-in/ and change it first.",
    ),
    "invalid_api_key": Code(
        401,
        "This API key is not valid.",
        "Check that all of it is sent; its owner sees under api-keys/ whether it expired or was revoked.",
    ),
    "api_key_revoked": Code(409, "This API key was revoked, which is final.", "Create a new key."),
    "too_many_api_keys": Code(409, "This client app has too many API keys.", "Revoke keys that are no longer used."),
    "permission_denied": Code(403, "This login may not do that.", "Ask an administrator for the role or scope."),
    "second_factor_required": Code(
        401, "This login has a second factor.", "Send a code of its app, or a recovery code, as `otp` too."
    ),
    "second_factor_wrong": Code(
        401, "This code is not right, or was used before.", "Wait for the next code; each counts once."
    ),
    "second_factor_missing": Code(
        401, "The role of this login asks for a second factor.", "Sign in at /sign-in/ and set one up first."
    ),
    "reauthentication_required": Code(
        403,
        "This is only done for whoever signed in within the last minutes.",
        "Sign in again at auth/token/ and send it with that token; refreshing is not enough.",
    ),
    "link_expired": Code(
        403,
        "This link is no longer good, or was given to another caller.",
        "Read the verification again for a new one.",
    ),
    "not_found": Code(404, "There is no such thing here.", "Check the id."),
    # bulk imports: the table, the ZIP, and their lines
    "table_unreadable": Code(
        422, "The table cannot be read.", "Save it as CSV in UTF-8, with one heading line, and send it again."
    ),
    "table_columns": Code(
        422, "The heading of the table is not as it should be.", "Take the headings from the template."
    ),
    "table_too_long": Code(422, "The table has more lines than are taken.", "Cut it into tables of 100,000 lines."),
    "line_malformed": Code(
        422, "This line has more or fewer cells than the heading.", "Quote cells that hold the separator."
    ),
    "employee_id_repeated": Code(
        422, "This employee number stands in the table more than once.", "Keep the line that is right."
    ),
    "photo_missing": Code(422, "The ZIP holds no such photo.", "Check the file name, or add the photo to the ZIP."),
    "photo_ambiguous": Code(
        422,
        "More than one file of the ZIP could be meant.",
        "Give each photo a name of its own, or name its folder too.",
    ),
    "archive_invalid": Code(422, "This is not a whole ZIP file.", "Make the ZIP again and send all of it."),
    "archive_too_large": Code(
        422, "The ZIP unpacks to more than is taken.", "Send fewer photos at a time, as they came from the camera."
    ),
    "archive_entry_unusable": Code(
        422, "This file of the ZIP cannot be used.", "Put the photo itself into the ZIP, without a password."
    ),
    "import_under_way": Code(409, "This import is not done yet.", "Wait until it is, or cancel it."),
    "import_settled": Code(409, "This import is done.", "Start another one."),
    "nothing_to_retry": Code(
        409, "Nothing of this import could go better as it is.", "Send a corrected table, a ZIP, or both."
    ),
    "import_expired": Code(409, "What was sent for this import is deleted by now.", "Start another import."),
    # webhooks
    "webhook_target_refused": Code(
        422,
        "Events may not be sent to this address.",
        "Check the name; it must lead to a public address, by https:// and a port that is open here.",
    ),
    "webhook_inactive": Code(409, "This webhook is switched off.", "Set `active` to true first."),
    "too_many_webhooks": Code(409, "This login has as many webhooks as it may.", "Revoke one that is not needed."),
    # uploads in pieces
    "tus_version_unsupported": Code(
        412, "This version of the tus protocol is not spoken here.", "Send `Tus-Resumable: 1.0.0`."
    ),
    "upload_offset_differs": Code(
        409, "The upload does not stand at this offset.", "Ask for the offset by HEAD and go on from there."
    ),
    "upload_busy": Code(
        423, "A later request took over this upload.", "Let one request at a time send; HEAD tells where to go on."
    ),
    "upload_checksum_mismatch": Code(
        460, "The bytes do not meet their checksum; none of them were kept.", "Send them again from the same offset."
    ),
    "upload_gone": Code(410, "This upload has ended.", "Begin a new upload."),
    "upload_used": Code(409, "This upload was used before; each counts once.", "Upload the file again."),
    "upload_incomplete": Code(
        409, "The upload has not all of its bytes yet.", "Send the rest first, then use a new Idempotency-Key."
    ),
    "upload_size_differs": Code(
        409, "The file in the bucket has another size than was announced.", "Begin a new upload with its true size."
    ),
    "upload_quota_reached": Code(
        409, "This login has as many uploads open as it may.", "Use, finish or delete some of them first."
    ),
    "direct_upload_unavailable": Code(
        409,
        "This installation takes no files straight to a bucket.",
        "Send them to uploads/; an operator can configure a bucket (docs/api/uploads.md).",
    ),
}
