# SPDX-License-Identifier: BSD-2-Clause
"""Reads captures: what ESP and IKE show on the outside."""
import os
import struct
from collections import namedtuple

ESP, IKE, KEEPALIVE, UDP, ARP, VRRP, OTHER = "esp", "ike", "keepalive", "udp", "arp", "vrrp", "other"
IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37

# time in ns; mac is the sender's; src and dst are addresses as 32-bit numbers, of IPv6 the last 32 bits (v6_of in lib/net.sh);
# for ESP: spi, seq; for IKE: exchange, response (bool), spi_i, msgid
Packet = namedtuple("Packet", "time mac kind src dst spi seq exchange response spi_i msgid to")


def address(number):
    return ".".join(str(number >> s & 255) for s in (24, 16, 8, 0))


def frames(path):
    """(time in ns, bytes) of each frame of an Ethernet capture; stops at a cut end."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return
    magic = data[:4]
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    scale = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    head = struct.Struct(order + "IIII")
    at = 24
    while at + 16 <= len(data):
        sec, sub, length, _ = head.unpack_from(data, at)
        at += 16
        if at + length > len(data):
            return
        yield sec * 1000000000 + sub * scale, data[at:at + length]
        at += length


def parse(time, frame):
    mac, to = frame[6:12], frame[0:6]

    def packet(kind, src=0, dst=0, spi=0, seq=0, exchange=0, response=False, spi_i=0, msgid=0):
        return Packet(time, mac, kind, src, dst, spi, seq, exchange, response, spi_i, msgid, to)

    if len(frame) >= 54 and frame[12:14] == b"\x86\xdd":
        src, = struct.unpack_from("!I", frame, 34)
        dst, = struct.unpack_from("!I", frame, 50)
        proto, at = frame[20], 54
    elif len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return packet(ARP if frame[12:14] == b"\x08\x06" else OTHER)
    else:
        src, dst = struct.unpack_from("!II", frame, 26)
        proto = frame[23]
        at = 14 + (frame[14] & 15) * 4
        if struct.unpack_from("!H", frame, 20)[0] & 0x1FFF:
            return packet(OTHER, src, dst)
    if proto == 50 and len(frame) >= at + 8:
        spi, seq = struct.unpack_from("!II", frame, at)
        return packet(ESP, src, dst, spi, seq)
    if proto != 17 or len(frame) < at + 8:
        return packet(VRRP if proto == 112 else OTHER, src, dst)
    sport, dport, length = struct.unpack_from("!HHH", frame, at)
    at += 8
    length -= 8
    if 4500 in (sport, dport):
        if length == 1:
            return packet(KEEPALIVE, src, dst)
        if length >= 8 and frame[at:at + 4] != b"\0\0\0\0":
            spi, seq = struct.unpack_from("!II", frame, at)
            return packet(ESP, src, dst, spi, seq)
        at += 4
        length -= 4
    elif 500 not in (sport, dport):
        return packet(UDP, src, dst)
    if length < 28:
        return packet(UDP, src, dst)
    spi_i, = struct.unpack_from("!Q", frame, at)
    exchange, flags, msgid = struct.unpack_from("!BBI", frame, at + 18)
    return packet(IKE, src, dst, exchange=exchange, response=bool(flags & 0x20), spi_i=spi_i,
                  msgid=msgid)


def packets(path):
    for time, frame in frames(path):
        yield parse(time, frame)
