"""Which of FFmpeg's readers and decoders a clip may reach. Everything else it could open stays shut."""

from heirloom.media.sniff import AVI, GPP, M4V, MKV, MOV, MP4, WEBM

DEMUXERS = {
    MP4.mime: "mov",
    M4V.mime: "mov",
    MOV.mime: "mov",
    GPP.mime: "mov",
    MKV.mime: "matroska",
    WEBM.mime: "matroska",
    AVI.mime: "avi",
}
DEMUXER_NAMES = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
PROTOCOLS = "file,pipe"
CODECS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "msmpeg4v3", "h263", "mjpeg", "mpeg1video", "mpeg2video", "prores", "dvvideo", "theora", "ffv1"}
)
