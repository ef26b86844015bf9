import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import pcap_csv

# What tshark 4.0 makes of a capture that keeps 96 bytes of a packet: plain, 802.1Q, 802.1ad, IPv6, ARP, IP in IP.
SMALL = """frame.time_epoch,ip.src,ip.dst,frame.len,frame.cap_len,ipv6.src,ipv6.dst
1700000000.123456789,10.0.0.1,10.0.0.2,1042,96,,
1700000001.123456789,10.0.0.3,10.0.0.4,146,96,,
1700000002.123456789,10.0.0.5,10.0.0.6,150,96,,
1700000005.123456789,,,42,42,,
1700000006.123456789,10.1.0.1,10.1.0.2,70,70,,
"""
IPV6 = "1700000004.000000001,,,72,72,2001:db8::1,2001:db8::2\n"
NESTED = '"1700000006","10.1.0.1,10.2.0.1","10.1.0.2,10.2.0.2","70","70",,\n'


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "packets.csv"
    path.write_text(SMALL)
    return path


def test_packets_are_pairs_of_addresses_with_their_time_and_length_on_the_wire(small):
    trace = pcap_csv.read(small)
    assert trace.kind == "stream"
    assert trace["key"].dtype == np.uint64
    assert [f"{key:016x}" for key in trace["key"].tolist()] == [
        "0a0000010a000002", "0a0000030a000004", "0a0000050a000006", "0a0100010a010002",
    ]  # fmt: skip
    np.testing.assert_allclose(trace["at"], [0, 1, 2, 6], atol=1e-12)
    assert trace["weight"].tolist() == [1042, 146, 150, 70]
    assert trace.meta == {"source": "tshark", "unit": "bytes", "dropped": 1}


def test_one_pair_of_ipv6_addresses_makes_all_keys_text(small):
    small.write_text(SMALL + IPV6)
    trace = pcap_csv.read(small)
    assert trace["key"][[0, 3]].tolist() == ["10.0.0.1>10.0.0.2", "2001:db8::1>2001:db8::2"]
    assert trace["weight"][3] == 72


def test_packets_are_sorted_by_time_to_the_nanosecond(small):
    lines = SMALL.splitlines(keepends=True)
    small.write_text("".join([lines[0], lines[2], lines[1].replace("1700000000.123456789", "1700000001.12345678")]))
    trace = pcap_csv.read(small)
    assert trace["weight"].tolist() == [1042, 146]
    np.testing.assert_allclose(trace["at"], [0, 9e-9], atol=1e-15)


@pytest.mark.parametrize("change", ["tabs", "quotes", "other order", "byte order mark", "no last line feed"])
def test_tshark_may_write_it_in_other_ways(small, change):
    first = pcap_csv.read(small).fingerprint
    rows = [line.split(",") for line in SMALL.splitlines()]
    if change == "quotes":
        rows[1:] = [[f'"{cell}"' if cell else "" for cell in row] for row in rows[1:]]
    if change == "other order":
        rows = [row[::-1] for row in rows]
    text = "\n".join(("\t" if change == "tabs" else ",").join(row) for row in rows)
    text += "" if change == "no last line feed" else "\n"
    small.write_text(text, encoding="utf-8-sig" if change == "byte order mark" else "utf-8")
    assert pcap_csv.recognize(small)
    assert pcap_csv.read(small).fingerprint == first


def test_of_a_packet_inside_another_the_outer_addresses_count(small):
    small.write_text(SMALL + NESTED)
    assert f"{pcap_csv.read(small)['key'][-1]:016x}" == "0a0100010a010002"


def test_a_comma_between_two_addresses_is_not_taken_for_one_between_cells(small):
    small.write_text(SMALL + NESTED.replace('"', ""))
    with pytest.raises(CorruptData, match=r"9 cells in line 7, but names 7.*-E occurrence=f"):
        pcap_csv.read(small)


@pytest.mark.parametrize("text", ["", "size\n1\n", SMALL.replace("frame.len", "length"), "\0" * 99, "ip.src\xff,"])
def test_other_files_are_not_taken_for_one(tmp_path, text):
    path = tmp_path / "packets.csv"
    path.write_text(text, encoding="latin-1")
    assert not pcap_csv.recognize(path)
    assert not pcap_csv.recognize(tmp_path / "missing.csv")


def test_the_captured_length_is_not_taken_for_that_on_the_wire(small):
    small.write_text(SMALL.replace("frame.len", "frame.length"))
    with pytest.raises(InvalidInput, match=r"lacks the field frame\.len; the captured length frame\.cap_len is no"):
        pcap_csv.read(small)


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("1042", "many", "length 'many' in line 2"),
        ("1042", "0", "length '0' in line 2"),
        ("1042", str(2**63), "length '9223372036854775808' in line 2"),
        ("1700000001.", "yesterday.", "time 'yesterday.123456789' and length '146' in line 3"),
        ("10.0.0.3", "10.0.0.300", "the address '10.0.0.300', which is none"),
        ("10.0.0.1", '"10.0.0.1', "has 2 cells in line 6"),
    ],
)
def test_a_damaged_row_is_named(small, wrong, right, words):
    small.write_text(SMALL.replace(wrong, right, 1))
    with pytest.raises(CorruptData, match=words):
        pcap_csv.read(small)


def test_a_file_that_is_not_there_or_has_no_addresses_or_is_no_text_is_refused(tmp_path, small):
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        pcap_csv.read(tmp_path / "missing.csv")
    small.write_text(SMALL.splitlines()[0] + "\n1700000005.1,,,42,42,,\n")
    with pytest.raises(InvalidInput, match=r"none of the 1 packets in .* has addresses"):
        pcap_csv.read(small)
    small.write_bytes(SMALL.encode() + b"\xff\n")
    with pytest.raises(CorruptData, match="is not what tshark writes"):
        pcap_csv.read(small)
