"""Codes of faces, decisions and challenges."""

from heirloom.errors.code import Code

FACES: dict[str, Code] = {
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
    "face_turned": Code(
        422,
        "The face is turned away, or it could not be proved which way up it is.",
        "Look straight at the camera, and hold the camera upright.",
    ),
    "face_occluded": Code(
        422,
        "Part of the face is covered or out of the picture.",
        "Remove what covers it and keep the whole head in view.",
    ),
    "eyes_closed": Code(422, "The eyes are closed.", "Take the picture again with open eyes."),
    "eyes_covered": Code(
        422, "The eyes are covered or in deep shade.", "Take off sunglasses, or turn towards a window or a lamp."
    ),
    "mouth_covered": Code(422, "The mouth is covered.", "Take off the mask or scarf for this picture."),
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
    "face_too_tight": Code(
        422,
        "The face fills the picture, and with no room around it a live person cannot be told from a photo or screen.",
        "Hold the camera at arm's length, so that head and shoulders are in the picture, and take it again.",
    ),
    "attack_suspected": Code(
        422,
        "A second check of the picture suspects a photo, screen or mask; it is often wrong, so it only asks.",
        "A reviewer will decide.",
    ),
    "attack_check_waived": Code(
        422,
        "No attack check ran; the owner of this installation allows that.",
        "Set ATTACK_CHECK_REQUIRED=true to ask for one.",
    ),
    "challenge_alone": Code(
        422,
        "Only a challenge speaks for a live person, and the file may come from anywhere.",
        "A reviewer will decide; the owner of the installation can set CHALLENGE_ALONE_APPROVES=true.",
    ),
    "challenge_alone_accepted": Code(
        422,
        "Only a challenge spoke for a live person; the owner of this installation lets that approve.",
        "Set CHALLENGE_ALONE_APPROVES=false to have a reviewer decide.",
    ),
    "passive_check_alone": Code(
        422,
        "Only a look at the picture speaks for a live person, and the file may come from anywhere.",
        "A reviewer will decide; the owner of the installation can set PASSIVE_CHECK_ALONE_APPROVES=true.",
    ),
    "passive_check_alone_accepted": Code(
        422,
        "Only a look at the picture spoke for a live person; the owner of this installation lets that approve.",
        "Set PASSIVE_CHECK_ALONE_APPROVES=false to have a reviewer decide.",
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
    "face_not_compared": Code(
        409,
        "This person was enrolled before, and nothing is left that the new face could be compared with.",
        "A reviewer must decide, another than who sent it.",
    ),
    "too_many_attempts": Code(
        429,
        "Too many attempts failed.",
        "Wait as long as Retry-After says; each further one that fails makes the wait longer.",
    ),
    "face_verification_suspended": Code(
        409,
        "After many failed attempts nobody is verified by face under this id.",
        "Check who it is in another way; HR can let the person be verified by face again.",
    ),
    "person_unknown": Code(
        404, "The claimed id is nobody's whom this caller may name.", "Check the id; the client app was not told."
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
        429, "Too many challenges were asked for.", "Wait as long as Retry-After says; used or not, each one counts."
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
}
