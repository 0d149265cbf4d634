"""Text that names other files and addresses, under the names of clips, and behind the starts of real ones."""

from collections.abc import Iterator

from tests.media.hostile.made import Bait, Hostile, all_meet
from tests.media.hostile.parts import box, brand, element

STARTS = {
    "mp4": brand(b"isom", b"mp41"),
    "mov": box(b"wide"),
    "mkv": element("1a45dfa3", element("4282", b"matroska")),
    "avi": b"RIFF\xff\xff\0\0AVI ",
}


def naming(bait: Bait) -> Iterator[Hostile]:
    """HLS, DASH, ffconcat, SDP, SMIL and the like, called .mp4."""
    for number, url in enumerate(bait.urls):
        texts = {
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
            "hls_key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\n{url}\n',
            "hls_concat": f"#EXTM3U\n#EXTINF:1,\nconcat:{url}|subfile,,start,0,end,9,,:{url}\n",
            "ffconcat": f"ffconcat version 1.0\nfile '{url}'\n",
            "dash": f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{url}</BaseURL></MPD>",
            "smil": f"<smil><body><video src='{url}'/></body></smil>",
            "pls": f"[playlist]\nFile1={url}\nNumberOfEntries=1\n",
            "asx": f"<asx version='3.0'><entry><ref href='{url}'/></entry></asx>",
            "concat": f"concat:{url}|{url}",
        }
        yield from all_meet(
            "unsupported_format", {f"{name}_{number}.mp4": text.encode() for name, text in texts.items()}
        )
    host, _, port = bait.addresses[0].partition(":")
    sdp = f"v=0\no=- 0 0 IN IP4 {host}\nc=IN IP4 {host}\nm=video {port} RTP/AVP 96\n"
    yield from all_meet("unsupported_format", {"session.mp4": sdp.encode(), "bom.mp4": b"\xef\xbb\xbf#EXTM3U\n"})


def behind_a_start(bait: Bait) -> Iterator[Hostile]:
    """The same behind the first bytes of each container."""
    text = f"\n#EXTM3U\n#EXTINF:1,\n{bait.urls[0]}\n#EXTINF:1,\n{bait.urls[-1]}\n".encode()
    for extension, start in STARTS.items():
        yield Hostile(f"list.{extension}", start + text, ("invalid_video", "no_video_frames"))
