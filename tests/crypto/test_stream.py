import io
import os

import pytest

from heirloom.crypto import stream

KEY = b"k" * 32
SEGMENT = stream.SEGMENT_BYTES + 16
HEADER = 43


def sealed(plain: bytes) -> bytes:
    return b"".join(stream.encrypted([plain], key=KEY, bound_to=b"a"))


def opened(data: bytes, key: bytes = KEY, bound_to: bytes = b"a") -> bytes:
    return b"".join(stream.decrypted(io.BytesIO(data), key=key, bound_to=bound_to))


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 200_000])
def test_any_length_comes_back_whole(size: int) -> None:
    plain = os.urandom(size)
    assert opened(sealed(plain)) == plain


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 200_000])
def test_any_part_comes_back_and_the_length_is_known(size: int) -> None:
    plain = os.urandom(size)
    source = io.BytesIO(sealed(plain))
    assert stream.plain_bytes(len(source.getvalue())) == size
    for start, stop in ((0, size), (0, 1), (1, 65536), (65530, 65540), (65536, 131072), (size - 1, size), (7, 9**9)):
        if 0 <= start <= stop:
            part = stream.decrypted_part(source, key=KEY, bound_to=b"a", start=start, stop=stop)
            assert b"".join(part) == plain[start:stop]


def test_a_part_of_a_stream_that_was_cut_or_changed_is_refused() -> None:
    data = sealed(os.urandom(150_000))
    changed = data[: HEADER + 10] + bytes([data[HEADER + 10] ^ 1]) + data[HEADER + 11 :]
    for damaged, start, stop in ((changed, 0, 10), (data[: HEADER + 2 * SEGMENT], 70_000, 70_001), (data[:50], 0, 1)):
        with pytest.raises(stream.StreamDamagedError):
            list(stream.decrypted_part(io.BytesIO(damaged), key=KEY, bound_to=b"a", start=start, stop=stop))


def test_chunks_of_any_size_make_the_same_stream() -> None:
    chunks = [b"a" * 70_000, b"", b"b", b"c" * 130_000]
    assert opened(b"".join(stream.encrypted(chunks, key=KEY, bound_to=b"a"))) == b"".join(chunks)


def test_a_source_that_gives_little_at_a_time_is_read_whole() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1000))

    plain = os.urandom(100_000)
    assert b"".join(stream.decrypted(Slow(sealed(plain)), key=KEY, bound_to=b"a")) == plain


@pytest.mark.parametrize(
    "kept", [0, 10, HEADER, HEADER + 5, HEADER + SEGMENT, HEADER + 2 * SEGMENT, HEADER + 2 * SEGMENT + 3]
)
def test_a_cut_is_found_wherever_it_is(kept: int) -> None:
    with pytest.raises(stream.StreamDamagedError):
        opened(sealed(os.urandom(150_000))[:kept])


def test_segments_in_another_order_are_found() -> None:
    data = sealed(os.urandom(150_000))
    first, second = data[HEADER : HEADER + SEGMENT], data[HEADER + SEGMENT : HEADER + 2 * SEGMENT]
    with pytest.raises(stream.StreamDamagedError):
        opened(data[:HEADER] + second + first + data[HEADER + 2 * SEGMENT :])


def test_a_segment_of_another_stream_is_found() -> None:
    one, other = sealed(os.urandom(150_000)), sealed(os.urandom(150_000))
    with pytest.raises(stream.StreamDamagedError):
        opened(one[: HEADER + SEGMENT] + other[HEADER + SEGMENT :])


def test_bytes_added_at_the_end_are_found() -> None:
    with pytest.raises(stream.StreamDamagedError):
        opened(sealed(b"x" * 65536) + b"more")


@pytest.mark.parametrize("position", [0, 5, 40, 100, -1])
def test_a_changed_bit_is_found(position: int) -> None:
    data = bytearray(sealed(b"x" * 1000))
    data[position] ^= 1
    with pytest.raises(stream.StreamDamagedError):
        opened(bytes(data))


def test_another_key_or_purpose_does_not_open_it() -> None:
    with pytest.raises(stream.StreamDamagedError):
        opened(sealed(b"x"), key=b"j" * 32)
    with pytest.raises(stream.StreamDamagedError):
        opened(sealed(b"x"), bound_to=b"b")
