"""Which of FFmpeg's readers and decoders a clip may reach. Everything else it could open stays shut."""

from heirloom.media.sniff import AVI, GPP, M4V, MKV, MOV, MP4, WEBM

DEMUXERS = {
    MP4.extension: "mov",
    M4V.extension: "mov",
    MOV.extension: "mov",
    GPP.extension: "mov",
    MKV.extension: "matroska",
    WEBM.extension: "matroska",
    AVI.extension: "avi",
}
"""The reader of each container, by the extension of its MediaType."""
DEMUXER_NAMES = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
PROTOCOLS = "file,pipe"
CODECS = frozenset(
    {
        *("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "msmpeg4v3", "h263", "mjpeg"),
        *("mpeg1video", "mpeg2video", "prores", "dvvideo", "theora", "ffv1"),
    }
)
DECODERS = ",".join(sorted(CODECS | {"libdav1d", "libvpx", "libvpx-vp9", "msmpeg4"}))
"""The names FFmpeg's decoders of those codecs go by."""
SOUND_DECODERS = ",".join(
    (
        *("aac", "ac3", "alac", "amrnb", "amrwb", "eac3", "flac", "libopus", "libvorbis", "mp2", "mp2float", "mp3"),
        *("mp3float", "opus", "vorbis", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "pcm_alaw", "pcm_mulaw"),
        *("pcm_f32le", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_u8"),
    )
)
"""Those of the sound that phones and recorders write; a clip with any other is copied without its sound."""
