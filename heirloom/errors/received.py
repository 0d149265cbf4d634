"""Codes of received files and of what reads them."""

from heirloom.errors.code import Code

RECEIVED: dict[str, Code] = {
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
    "too_many_items": Code(
        413, "The request is made of more parts, names or values than are taken.", "Send fewer at a time."
    ),
    "charset_unsupported": Code(415, "Text is taken in UTF-8 alone.", "Send it in UTF-8, or leave the charset out."),
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
}
