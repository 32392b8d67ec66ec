#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""packets.py write DIR DOCUMENT...: captures of the ```vector blocks of the documents.
packets.py show DIR DOCUMENT...: what tshark made of each, and whether it is complete.

write leaves in DIR: vectors.pcap, one datagram a vector in the order of the documents; broken.pcap,
every truncation of each and seeded mutations, whole and in fragments, as many as the file broken says;
local.pcap, vectors of the local socket as link type 147 (USER0).

show reads vectors.pdml and vectors.info (the packet list) from DIR. Every octet must be in a leaf of
the tree; and nothing may be undecoded, and no expert may have a word, but in vectors whose name begins
with "bad-", where an expert must. It leaves there: secrets, the hexadecimal text of the keys that were
hidden.
"""
import random
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PORT = 4520
SEED = 4520
MUTATIONS = 40  # of each vector
NODES = [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]
RAW_IP, USER0 = 101, 147
FRAGMENT = 139
PIECE = 200  # octets of a mutated message in a fragment
SA_INSTALL, SA_REKEY = 242, 245
BAD = "bad-"
NOT_DECODED = ("baton.undecoded", "baton.unknown")


def vectors(path):
    """(name, octets) of each block."""
    name, text = None, ""
    for line in Path(path).read_text().splitlines():
        if name is None:
            match = re.fullmatch(r"```vector (\S+)", line)
            if match:
                name, text = match[1], ""
        elif line.startswith("```"):
            yield name, bytes.fromhex(text)
            name = None
        else:
            text += line.split("#")[0]
    if name is not None:
        raise ValueError(f"{path}: the block {name} does not end")


def datagram(message):
    """In IPv4; responses go the other way."""
    source, target = NODES if len(message) < 20 or not message[19] & 0x20 else reversed(NODES)
    udp = struct.pack(">HHHH", PORT, PORT, 8 + len(message), 0) + message
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + source + target + udp


def write_pcap(path, packets, linktype):
    """packets: octets, or (octets, how many of them were captured)."""
    with open(path, "wb") as out:
        out.write(struct.pack(">IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype))
        for number, packet in enumerate(packets):
            octets, kept = packet if isinstance(packet, tuple) else (packet, len(packet))
            out.write(struct.pack(">IIII", number, 0, kept, len(octets)) + octets[:kept])


def with_length(message):
    """The message with its own length in the header, so that the rest of it is looked at."""
    return message[:24] + struct.pack(">I", len(message)) + message[28:] if len(message) >= 28 else message


def mutations(message, dice):
    for _ in range(MUTATIONS):
        new = bytearray(message)
        for _ in range(dice.choice([1, 1, 2, 4, 16])):
            at = dice.randrange(len(new))
            new[at] = dice.choice([0, 1, 2, 0x7F, 0x80, 0xFF, new[at] ^ 1 << dice.randrange(8), dice.randrange(256)])
        kind = dice.randrange(4)
        if kind == 1:
            at = dice.randrange(len(new))
            del new[at:at + dice.randrange(1, 9)]
        elif kind == 2:
            at = dice.randrange(len(new))
            new[at:at] = dice.randbytes(dice.randrange(1, 9))
        yield bytes(new) if kind == 3 else with_length(bytes(new))


def fragments(message, each, tag):
    """The datagrams' messages of a whole one, in pieces of `each` octets, the last one first."""
    total = (len(message) + each - 1) // each
    for number in range(total, 0, -1):
        at = (number - 1) * each
        body = struct.pack(">HHIII", number, total, len(message), at, tag) + message[at:at + each]
        payload = struct.pack(">BBH", 0, 0, 4 + len(body)) + body
        yield with_length(message[:16] + bytes([FRAGMENT]) + message[17:28] + payload)


def broken(message, dice):
    for size in range(len(message)):
        yield datagram(message[:size])
        if size >= 28:
            yield datagram(with_length(message[:size]))
        whole = datagram(message)
        yield whole, 28 + size
    for new in mutations(message, dice):
        yield datagram(new)
        if len(new) > 2 * PIECE and new[16] != FRAGMENT:
            yield from map(datagram, fragments(new, PIECE, dice.randrange(1 << 32)))


def write(directory, documents):
    named = [vector for document in documents for vector in vectors(document)]
    if not named:
        raise ValueError(f"no vectors in {documents}")
    messages = [message for _, message in named]
    dice = random.Random(SEED)
    bad = [packet for message in messages for packet in broken(message, dice)]
    write_pcap(directory / "vectors.pcap", map(datagram, messages), RAW_IP)
    write_pcap(directory / "broken.pcap", bad, RAW_IP)
    write_pcap(directory / "local.pcap", [m for m in messages if SA_INSTALL <= m[18] <= SA_REKEY], USER0)
    (directory / "broken").write_text(f"{len(bad)}\n")


# ---- what tshark made of it ------------------------------------------------------------------


class Packet:
    """The baton tree of a packet: its lines, what its leaves show, and what speaks against it."""

    def __init__(self, octets):
        self.octets = octets
        self.lines = []
        self.gaps = []       # octets that nothing shows
        self.undecoded = []  # octets that are shown as such
        self.experts = []
        self.secrets = []    # octets that are hidden

    def add(self, field, depth, base, covered):
        name, size = field.get("name"), int(field.get("size") or 0)
        inside = [child for child in field if child.get("hide") != "yes"]
        text = field.get("showname") or f"{name}: {field.get('show')}"
        own_buffer = name == "baton.reassembled"
        at = int(field.get("pos") or 0) - (0 if own_buffer else base)
        if name.startswith("_ws."):
            if name == "_ws.expert":
                self.experts.append(text)
                self.lines.append("  " * depth + text)
            return
        self.lines.append(f"{'  ' * depth}{text}  [{name}{f' {at}+{size}' if size else ''}]")
        if own_buffer:
            base, covered = 0, set()
        elif name.startswith(NOT_DECODED):
            self.undecoded.append(f"octets {at} to {at + size - 1} are not decoded")
        if name == "baton.keymat.key_hidden" and base:
            self.secrets.append(self.octets[at:at + size])
        if not any(child.get("name").startswith("baton.") for child in inside):
            covered.update(range(at, at + size))
        for child in inside:
            self.add(child, depth + 1, base, covered)
        if own_buffer:
            self.check(covered, size, "whole message")

    def check(self, covered, size, text):
        gaps = set(range(size)) ^ covered
        if gaps:
            self.gaps.append(f"{text}: no field, or one too much, at {len(gaps)} octets from {min(gaps)} on")


def dissected(packet, message):
    proto = packet.find("proto[@name='baton']")
    if proto is None or int(proto.get("size")) != len(message):
        return None
    shown, covered = Packet(message), set()
    for field in proto:
        shown.add(field, 1, int(proto.get("pos")), covered)
    shown.check(covered, len(message), "message")
    text = ElementTree.tostring(proto, encoding="unicode")
    shown.gaps += ["a key is in the PDML" for key in shown.secrets if key.hex() in text]
    return shown


def show(directory, documents):
    """Prints the tree of each vector. Returns the faults."""
    named = [vector for document in documents for vector in vectors(document)]
    infos = (directory / "vectors.info").read_text().splitlines()
    packets = ElementTree.parse(directory / "vectors.pdml").getroot().findall("packet")
    if not len(named) == len(infos) == len(packets):
        return [f"{len(named)} vectors, {len(packets)} packets, {len(infos)} lines of the packet list"]
    faults, secrets = [], []
    for (name, message), info, packet in zip(named, infos, packets):
        shown = dissected(packet, message)
        print(f"== {name}: {info}")
        if shown is None:
            faults.append(f"{name}: not dissected")
            continue
        print("\n".join(shown.lines), end="\n\n")
        wrong = shown.gaps
        if not name.startswith(BAD):
            wrong += shown.undecoded + shown.experts
        elif not shown.experts:
            wrong += ["no expert info"]
        faults += [f"{name}: {fault}" for fault in wrong]
        secrets += shown.secrets
    if not secrets:
        faults.append("no vector has a key")
    (directory / "secrets").write_text("".join(f"{key[:16].hex()}\n" for key in secrets))
    return faults


def main(arguments):
    if len(arguments) > 2 and arguments[0] == "write":
        write(Path(arguments[1]), arguments[2:])
        return 0
    if len(arguments) > 2 and arguments[0] == "show":
        faults = show(Path(arguments[1]), arguments[2:])
        print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
        return 1 if faults else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
