"""What can go wrong, as a person or a client app is told of it: one stable code each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """The HTTP status, the plain words and the remedy behind one public code."""

    status: int
    text: str
    remedy: str


CODES: dict[str, Code] = {
    # what was received
    "invalid_image": Code(400, "The image cannot be read.", "Send a whole JPG, PNG, BMP, TIFF, WEBP or HEIC file."),
    "invalid_video": Code(400, "The clip cannot be read.", "Send a whole MP4, MOV, MKV, WEBM, AVI or 3GP file."),
    "empty_file": Code(400, "The file is empty.", "Choose the file again; it may not have been saved."),
    "no_video_frames": Code(422, "The clip holds no pictures.", "Record the clip again with the camera on."),
    "unsupported_format": Code(
        415,
        "This kind of file is not taken.",
        "Photos: JPG, PNG, BMP, TIFF, WEBP, HEIC. Clips: MP4, MOV, MKV, WEBM, AVI, 3GP.",
    ),
    "too_many_bytes": Code(413, "The file is too large.", "Send a smaller or shorter recording."),
    "upload_too_slow": Code(408, "The file arrived too slowly.", "Send it again over a better connection."),
    "too_many_pixels": Code(
        413, "The image has too many pixels.", "Send it at a smaller size; 50 megapixels are the most."
    ),
    "clip_too_long": Code(422, "The clip is longer than is allowed.", "Record a shorter clip; ten seconds are plenty."),
    "clip_incomplete": Code(
        422, "Less than 80 % of the clip could be read.", "Upload the clip again; the transfer broke off."
    ),
    "clip_partly_read": Code(
        422,
        "Part of the clip could not be read; what could was enough.",
        "Nothing need be done; the transfer broke off, or the file is damaged.",
    ),
    "too_many_frames": Code(
        422, "The clip holds more frames than are taken.", "Record it shorter, or at a lower rate."
    ),
    "too_much_cpu_time": Code(
        422,
        "Reading the file took more processor time than is allowed.",
        "Save it in a common format and send it again.",
    ),
    "too_much_time": Code(
        422,
        "Reading the file took longer than is allowed.",
        "Send it again; if that does not help, save it in a common format.",
    ),
    "too_much_memory": Code(
        422,
        "Reading the file took more memory than is allowed.",
        "Save it smaller, or in a common format, and send it again.",
    ),
    # work done by a transcoder
    "transcoder_unavailable": Code(
        503, "The transcoder cannot be used now.", "Try again later; an operator can run manage.py doctor."
    ),
    "transcoder_busy": Code(503, "The transcoder takes no more work at the moment.", "Try again in a few minutes."),
    "transcoder_unpaid": Code(
        503,
        "The transcoder asks for payment.",
        "An operator must settle its account, or set TRANSCODER=ffmpeg.",
    ),
    "transcoder_refuses": Code(
        500, "The transcoder refuses what is asked of it.", "An operator should check its API key and its account."
    ),
    "transcoding_failed": Code(
        422, "The transcoder could not read the clip.", "Save the clip in a common format and send it again."
    ),
    # faces and their quality
    "no_face": Code(422, "No face was found.", "Face the camera, alone, in even light."),
    "several_faces": Code(
        422, "More than one face was found; one is needed.", "Take the picture again with one person in it."
    ),
    "low_quality": Code(422, "The picture is not good enough.", "Take it again: near, sharp, in even light."),
    "face_too_small": Code(422, "The face is too small.", "Move closer to the camera."),
    "blurred": Code(422, "The face is blurred.", "Hold the camera still and let it focus."),
    "too_dark": Code(422, "The face is too dark.", "Turn towards a window or a lamp."),
    "too_bright": Code(422, "The face is overexposed.", "Move out of direct light."),
    "face_turned": Code(422, "The face is turned away.", "Look straight at the camera."),
    "face_occluded": Code(
        422,
        "Part of the face is covered or out of the picture.",
        "Remove what covers it and keep the whole head in view.",
    ),
    # what was decided
    "no_match": Code(422, "The face does not match.", "Try again in better light, or ask for help at the desk."),
    "score_near_threshold": Code(
        422, "The score is too close to the threshold to decide alone.", "A reviewer will decide."
    ),
    "score_not_calibrated": Code(
        422,
        "No measured threshold covers this comparison.",
        "A reviewer will decide; an operator can run manage.py calibrate.",
    ),
    "presentation_attack": Code(422, "The picture looks like a photo, screen or mask.", "A reviewer will decide."),
    "attack_check_inconclusive": Code(
        422, "Whether a live person was shown could not be told.", "A reviewer will decide."
    ),
    "attack_check_waived": Code(
        422,
        "No attack check ran; the owner of this installation allows that.",
        "Set ATTACK_CHECK_REQUIRED=true to ask for one.",
    ),
    "capture_reused": Code(
        422, "The same recording, or a copy of it, was handed in before.", "Record anew; a reviewer will decide."
    ),
    "possible_injection": Code(
        422, "The file says that a program made it, not a camera.", "Record with the camera; a reviewer will decide."
    ),
    "several_people_in_clip": Code(422, "The clip shows more than one person.", "Record it again alone."),
    "person_not_in_frame": Code(
        422, "The person of this clip is not in this frame.", "Stay in the picture for the whole clip."
    ),
    "frame_not_needed": Code(422, "Frames like it are counted already.", "Nothing is wrong with it."),
    "pictures_differ": Code(422, "The pictures show different people.", "Send pictures of one person only."),
    "differs_from_enrolled": Code(
        422, "The face differs from the one enrolled for this person.", "Check that the right person's page is open."
    ),
    "duplicate_person": Code(
        409, "This face already belongs to another person.", "A reviewer must decide whether they are the same."
    ),
    "duplicate_check_incomplete": Code(
        409,
        "Some people are enrolled with another model, so the face could not be looked for among them.",
        "A reviewer must decide; an operator can enroll everybody with the active model.",
    ),
    "not_enrolled": Code(422, "This person has no enrolled face.", "Enroll the person first."),
    # challenges
    "challenge_expired": Code(409, "The challenge has expired.", "Ask for a new challenge and record a new clip."),
    "challenge_used": Code(
        409, "The challenge was used before; each counts once.", "Ask for a new challenge and record a new clip."
    ),
    "challenge_person_differs": Code(
        409, "The challenge was issued for somebody else.", "Name the person whom the challenge was asked for."
    ),
    "challenge_needs_clip": Code(422, "A challenge is answered by a clip.", "Send the clip, not a photo."),
    "too_many_challenges": Code(
        429, "Too many challenges were issued and not used.", "Wait, and use each challenge that you ask for."
    ),
    "challenge_not_shown": Code(
        422, "The clip shows nothing of what was asked.", "Follow the instructions one by one while recording."
    ),
    "challenge_incomplete": Code(
        422, "The clip shows only some of what was asked.", "Make every movement clearly, and look ahead after each."
    ),
    "challenge_extra_gesture": Code(
        422, "The clip shows more movements than were asked.", "Keep still between the movements."
    ),
    "challenge_wrong_order": Code(
        422, "The clip shows other movements than were asked.", "Ask for a new challenge and follow its order."
    ),
    "challenge_out_of_time": Code(
        422, "A movement came too early or too late.", "Move when the instruction appears, and come back at once."
    ),
    "challenge_unclear": Code(
        422, "The face could not be followed through the clip.", "Keep the whole head in view, near, in even light."
    ),
    "challenge_recorded_early": Code(
        422, "The clip is longer than the time since the challenge.", "Begin to record once the challenge is there."
    ),
    "challenge_spliced": Code(422, "The clip is not one unbroken recording.", "Record it in one go and send it uncut."),
    "challenge_flat": Code(422, "What moves in the clip is flat, like a photo.", "Show the head itself, turning."),
    "challenge_face_changed": Code(
        422, "The face in the clip changes to another one.", "One person must do all of it, alone in the picture."
    ),
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
    "employee_id_taken": Code(
        409, "Another person has this employee number.", "Check the number, or open that person's page."
    ),
    "already_decided": Code(409, "This case is already decided.", "A decision is final; open a new verification."),
    "claimed_by_another": Code(
        409, "Another reviewer holds this case.", "Wait until it is released, or ask that reviewer."
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
        422, "Events may not be sent to this address.", "Name a host with a public address, by https://."
    ),
    "webhook_target_unknown": Code(422, "The host of this address was not found.", "Check its name."),
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
        "The licence of these weights forbids commercial use.",
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
    "interrupted": Code(
        503, "The work was interrupted three times.", "Send the capture again; an operator can read the worker's log."
    ),
    "internal_error": Code(
        500, "Something went wrong on our side.", "Try again; if it stays, tell the operator the time of this answer."
    ),
}


class Refusal(Exception):
    """Something asked for cannot be done, for a reason the asker may know.

    `code` is one of CODES; `attr` names the field at fault; `retry_after` is in seconds.
    """

    def __init__(self, code: str, detail: str = "", *, attr: str | None = None, retry_after: int | None = None) -> None:
        self.code = code
        self.entry = CODES[code]
        self.detail = detail or self.entry.text
        self.attr = attr
        self.retry_after = retry_after
        super().__init__(code, self.detail)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.code, self.detail, self.attr, self.retry_after)

    @property
    def status(self) -> int:
        return self.entry.status


def _rebuilt(code: str, detail: str, attr: str | None, retry_after: int | None) -> Refusal:
    return Refusal(code, detail, attr=attr, retry_after=retry_after)
