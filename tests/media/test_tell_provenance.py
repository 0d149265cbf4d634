"""What a file says of its maker: read from every format, short and printable, and never a reason to fail."""

from pathlib import Path

import PIL.Image
import pytest
from PIL.PngImagePlugin import PngInfo

from heirloom.media.image import read_still
from heirloom.media.types import Provenance
from heirloom.media.video import probe
from tests.media.conftest import MakeClip, Written, run_ffmpeg

MAKE, MODEL, SOFTWARE = 0x010F, 0x0110, 0x0131
XMP = b'<x:xmpmeta><rdf:Description xmp:CreatorTool="Photo Editor 3"/></x:xmpmeta>'


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_a_photo_names_its_camera_and_program(astronaut: PIL.Image.Image, written: Written, pillow_format: str) -> None:
    exif = PIL.Image.Exif()
    exif[MAKE], exif[MODEL], exif[SOFTWARE] = "Acme", "Phone 7", "os 1.2"

    still = read_still(written(astronaut, pillow_format, exif=exif.tobytes() if pillow_format == "HEIF" else exif))

    assert still.provenance == Provenance("Acme", "Phone 7", ("os 1.2",))


@pytest.mark.parametrize("pillow_format", ["JPEG", "WEBP", "HEIF"])
def test_a_photo_names_the_editor_of_its_xmp(astronaut: PIL.Image.Image, written: Written, pillow_format: str) -> None:
    assert read_still(written(astronaut, pillow_format, xmp=XMP)).provenance.software == ("Photo Editor 3",)


def test_a_png_names_the_program_of_its_text(astronaut: PIL.Image.Image, written: Written) -> None:
    text = PngInfo()
    text.add_text("Software", "Drawing Board")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())

    assert read_still(written(astronaut, "PNG", pnginfo=text)).provenance.software == (
        "Drawing Board",
        "Photo Editor 3",
    )


def test_a_photo_that_says_nothing_has_no_provenance(astronaut: PIL.Image.Image, written: Written) -> None:
    assert read_still(written(astronaut)).provenance == Provenance()


def test_what_a_photo_says_is_kept_short_and_printable(astronaut: PIL.Image.Image, written: Written) -> None:
    exif = PIL.Image.Exif()
    exif[SOFTWARE] = "evil\x1b[31m\r\n\u202e" + "x" * 10_000

    (program,) = read_still(written(astronaut, exif=exif)).provenance.software

    assert program.isprintable()
    assert len(program) <= 64


def test_a_clip_names_its_camera_and_programs(whole_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "named.mov"
    tags = {"make": "Acme", "model": "Phone 7", "software": "os 1.2"}
    named = [part for name, tag in tags.items() for part in ("-metadata", f"com.apple.quicktime.{name}={tag}")]
    run_ffmpeg("-i", str(whole_clip), "-c", "copy", "-movflags", "use_metadata_tags", *named, str(clip))

    found = probe(clip).provenance

    assert (found.make, found.model, found.software[0]) == ("Acme", "Phone 7", "os 1.2")
    assert any(program.startswith("Lavf") for program in found.software)


@pytest.mark.parametrize("name", ["named.mp4", "named.mkv", "named.avi"])
def test_a_clip_of_any_container_names_what_wrote_it(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, "-c:v", "mpeg4", seconds=1)

    assert any(program.startswith(("Lavf", "Lavc")) for program in probe(clip).provenance.software)
