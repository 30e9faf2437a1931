"""Bodies compressed both ways: CT-11."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.compression import ENCODINGS, SMALLEST, compress, decompress
from resources.outcome import BadRequest, TooLarge, UnsupportedMediaType

TEXT = b'{"resourceType":"Patient","name":[{"family":"a"}]}' * 100
ANY = 10_000_000
RAW = zlib.compress(TEXT)[2:-4]  # without the header and the sum


def packed(encoding: str, body: bytes) -> bytes:
    """By the libraries themselves, at other levels than the server's."""
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "x-gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.compress,
    }
    return packers[encoding](body)


@given(
    st.binary(max_size=200_000) | st.builds(bytes.__mul__, st.binary(max_size=10), st.integers(0, 30_000)),
    st.lists(st.sampled_from([*ENCODINGS, "identity"]), max_size=3),
)
def test_ct_11_what_was_packed_is_unpacked(body: bytes, encodings: list[str]) -> None:
    sent = body
    for encoding in encodings:
        sent = sent if encoding == "identity" else packed(encoding, sent)
    assert decompress(", ".join(encodings), sent, ANY) == body


@given(st.binary(max_size=100_000), st.sampled_from(ENCODINGS))
def test_ct_11_an_answer_is_unpacked_by_whoever_asked_for_it(body: bytes, encoding: str) -> None:
    answer, said = compress(f"{encoding}, identity;q=0", "application/fhir+json", body)
    assert said == encoding
    assert decompress(said, answer, ANY) == body


@pytest.mark.parametrize("encoding", [*ENCODINGS, "x-gzip"])
def test_ct_11_data_cut_anywhere_is_refused(encoding: str) -> None:
    sent = packed(encoding, TEXT)
    for end in range(1, len(sent)):
        with pytest.raises(BadRequest):
            decompress(encoding, sent[:end], ANY)


@given(st.binary(min_size=1, max_size=3_000), st.sampled_from(ENCODINGS))
def test_ct_11_noise_is_refused_or_read_but_never_a_fault(noise: bytes, encoding: str) -> None:
    try:
        body = decompress(encoding, noise, 100_000)
    except (BadRequest, TooLarge):
        return
    assert len(body) <= 100_000


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ct_11_what_follows_the_data_is_refused(encoding: str) -> None:
    with pytest.raises(BadRequest):
        decompress(encoding, packed(encoding, TEXT) + b"more", ANY)


def test_ct_11_forms_that_clients_send() -> None:
    assert decompress("deflate", RAW, ANY) == TEXT
    assert decompress("GZIP", gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]), ANY) == TEXT
    assert decompress("zstd", zstandard.compress(TEXT[:50]) + zstandard.compress(TEXT[50:]), ANY) == TEXT
    assert decompress("gzip", b"", ANY) == b""
    assert decompress("", TEXT, ANY) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_ct_11_parts_without_end_are_refused(encoding: str) -> None:
    with pytest.raises(BadRequest):
        decompress(encoding, packed(encoding, b"") * 1_000, ANY)


@pytest.mark.parametrize("header", ["compress", "gzip, pack200", "gzip;q=1", "gzip, gzip, gzip, gzip"])
def test_ct_11_other_encodings_are_415(header: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        decompress(header, TEXT, ANY)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "gzip, gzip", "br, zstd"])
def test_ct_11_the_limit_is_of_the_unpacked_body(encoding: str) -> None:
    body = bytes(70_000)
    sent = body
    for one in encoding.split(", "):
        sent = packed(one, sent)
    assert decompress(encoding, sent, 70_000) == body
    with pytest.raises(TooLarge):
        decompress(encoding, sent, 69_999)


_BOMB = """
import gzip, resource, sys, time, zlib, brotli, zstandard
from fhir_server.compression import decompress
from resources.outcome import TooLarge

def streamed(packer, size=1_000_000_000, block=bytes(10_000_000)):
    return b"".join([packer(block) for _ in range(size // len(block))])

gz, de = zlib.compressobj(9, zlib.DEFLATED, 31), zlib.compressobj(9)
br, zs = brotli.Compressor(quality=1), zstandard.ZstdCompressor(level=1).compressobj()
bombs = {
    "gzip": streamed(gz.compress) + gz.flush(),
    "deflate": streamed(de.compress) + de.flush(),
    "br": streamed(br.process) + br.finish(),
    "zstd": streamed(zs.compress) + zs.flush(),
}
bombs["zstd, gzip"] = gzip.compress(bombs["zstd"])
for encoding, bomb in bombs.items():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        decompress(encoding, bomb, 1_000_000)
    except TooLarge:
        print(encoding, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_ct_11_a_bomb_stops_early_in_little_memory() -> None:
    """A gigabyte in each encoding against a limit of a megabyte: kilobytes by which the process grew at most."""
    run = subprocess.run([sys.executable, "-c", _BOMB], capture_output=True, text=True, timeout=120, check=True)
    grown = dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())
    assert set(grown) == {*ENCODINGS, "zstd, gzip"}, run.stderr
    assert all(int(kilobytes) < 20_000 for kilobytes in grown.values()), grown


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZip, Deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("gzip;q=0", ""),
        ("identity", ""),
        ("identity;q=1, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip;q=1", "gzip"),
        ("gzip, identity", "gzip"),
        ("gzip;q=abc", ""),
        ("gzip;q=7", ""),
        ("gzip ; q=0.5 , br ; q=0.6", "br"),
        ("lzma, ,;", ""),
    ],
)
def test_ct_11_the_client_chooses(accept: str, encoding: str) -> None:
    assert compress(accept, "application/fhir+json", TEXT)[1] == encoding


def test_ct_11_small_and_dense_bodies_are_sent_as_they_are_unless_that_is_refused() -> None:
    small = TEXT[: SMALLEST - 1]
    assert compress("gzip", "application/fhir+json", small) == (small, "")
    assert compress("gzip", "application/fhir+json", TEXT[:SMALLEST])[1] == "gzip"
    assert compress("gzip", "image/png", TEXT) == (TEXT, "")
    assert compress("gzip", "image/svg+xml", TEXT)[1] == "gzip"
    assert compress("gzip, identity;q=0", "image/png", small)[1] == "gzip"
    assert compress("gzip, *;q=0", "application/fhir+json", small)[1] == "gzip"
    assert compress("lzma, *;q=0", "application/fhir+json", small) == (small, "")
