"""All classes of hostile files, in the order of docs/hostile-files.md."""

from collections.abc import Iterator

from tests.media.hostile import (
    bombs,
    colors,
    cuts,
    emptiness,
    extremes,
    lies,
    metadata,
    names,
    nesting,
    playlists,
    polyglots,
    references,
)
from tests.media.hostile.made import Bait, Hostile, Kind

KINDS = (
    Kind("bomb", "pictures of far more pixels, or text, than bytes", bombs.unfolding),
    Kind("animated", "moving pictures sent as photos", bombs.animated),
    Kind("endless", "photos and clips that take long to decode", bombs.endless),
    Kind("polyglot", "a photo or clip that is a page, an archive, a program as well", polyglots.twofold),
    Kind("document", "SVG, MVG, MSL, PDF, PostScript, pages", polyglots.documents),
    Kind("archive", "archives and programs", polyglots.archives),
    Kind("format", "formats that are not taken, whatever they are called", polyglots.other_formats),
    Kind("playlist", "HLS, DASH, ffconcat, SDP, SMIL, PLS, called .mp4", playlists.naming),
    Kind("start", "a playlist behind the first bytes of a clip", playlists.behind_a_start),
    Kind("reference", "clips that point at files and addresses outside", references.outside),
    Kind("lying_photo", "photos whose headers lie", lies.of_photos),
    Kind("lying_clip", "clips whose tables and headers lie", lies.of_clips),
    Kind("cut_photo", "JPEG, PNG, HEIC cut at every tenth", cuts.photos),
    Kind("cut_clip", "MP4 (index first, last, in parts), MKV, AVI cut at every tenth", cuts.clips),
    Kind("flipped", "bytes changed at fixed places", cuts.flipped),
    Kind("no_frames", "clips that hold no picture", emptiness.no_frames),
    Kind("other_stream", "sound, a cover, words alone", emptiness.other_streams),
    Kind("tiny", "no bytes, a few, one pixel, one frame", emptiness.next_to_nothing),
    Kind("hours", "ten hours, by header or by the pictures' times", extremes.ten_hours),
    Kind("size", "sides of nothing, one, tens of thousands; a size that grows", extremes.absurd_sizes),
    Kind("count", "absurd rates and counts", extremes.absurd_counts),
    Kind("nested", "boxes, elements and lists nested thousands deep", nesting.nested),
    Kind("length", "boxes of no length, or longer than the file", nesting.vast_boxes),
    Kind("place", "where it was taken: EXIF, XMP, IPTC, tags", metadata.places),
    Kind("exif", "EXIF that circles, overflows, or is of the wrong type", metadata.exif_bombs),
    Kind("profile", "color profiles that unfold or lack parts", metadata.profile_bombs),
    Kind("entity", "XMP with external and multiplying entities", metadata.entities),
    Kind("color_photo", "odd colors and depths of photos", colors.of_photos),
    Kind("color_clip", "odd colors and depths of clips", colors.of_clips),
    Kind("name", "honest files named like devices, options, commands", names.of_devices),
)


def built(bait: Bait) -> Iterator[tuple[Kind, Hostile]]:
    """Give every file of every class."""
    for kind in KINDS:
        for hostile in kind.build(bait):
            yield kind, hostile
