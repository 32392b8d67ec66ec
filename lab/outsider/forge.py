#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""forge.py INTERFACE MAC ADDRESS PEER STRANGER PROTOCOL-MD

Sends to batond's port of ADDRESS, in clear, as PEER and as STRANGER: every message of
the document's vectors, the same cut short and with lying lengths, and random bytes.
"""
import random
import re
import sys
import time

from wire import Interface, mac, udp

PORT = 4520
PACE_S = 0.002


def vectors(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for block in re.findall(r"^```vector [\w-]+\n(.*?)^```", text, re.M | re.S):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        yield bytes.fromhex("".join(lines))


def broken(message):
    yield message[:-1]
    yield message[:len(message) // 2]
    yield message[:24] + b"\xff\xff\xff\xff" + message[28:]
    yield message[:17] + b"\x30" + message[18:]
    yield message[:28] + bytes([message[28], 0x80]) + message[30:] if len(message) > 32 else message


def main():
    name, target_mac, target, peer, stranger, document = sys.argv[1:]
    interface, noise, sent = Interface(name), random.Random(4520), 0
    datagrams = []
    for message in vectors(document):
        datagrams.append(message)
        datagrams.extend(broken(message))
    datagrams.extend(noise.randbytes(noise.randrange(1, 1400)) for _ in range(40))
    for source in (peer, stranger):
        for payload in datagrams:
            interface.send(mac(target_mac), udp(source, target, PORT, payload))
            sent += 1
            time.sleep(PACE_S)
    print(f"sent {sent} datagrams in clear, as {peer} and as {stranger}")


main()
