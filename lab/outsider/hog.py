#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""hog.py queue NUMBER | table NAME: another program that has an NFQUEUE, or an nftables table of family inet.

Says "ready" when it has it, and keeps it until it is ended.
"""
import os
import signal
import socket
import struct
import sys

NETLINK_NETFILTER = 12
REQUEST_ACK, CREATE = 0x5, 0x400
QUEUE_CONFIG = 3 << 8 | 2
BATCH_BEGIN, BATCH_END, NEW_TABLE = 16, 17, 10 << 8
NFT = 10
INET = 1
OWNER = 2


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, flags, seq, family, resource, data=b""):
    body = struct.pack("=BBH", family, 0, socket.htons(resource)) + data
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body


def queue(number):
    bind = attribute(1, struct.pack("=BBH", 1, 0, 0))
    return message(QUEUE_CONFIG, REQUEST_ACK, 1, 0, number, bind)


def table(name):
    data = attribute(1, name.encode() + b"\0") + attribute(2, struct.pack("!I", OWNER))
    return (message(BATCH_BEGIN, 1, 0, 0, NFT) + message(NEW_TABLE, REQUEST_ACK | CREATE, 1, INET, 0, data)
            + message(BATCH_END, 1, 2, 0, NFT))


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("queue", "table"):
        sys.exit(__doc__)
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    s.bind((0, 0))
    s.send(queue(int(sys.argv[2])) if sys.argv[1] == "queue" else table(sys.argv[2]))
    error = struct.unpack_from("=i", s.recv(4096), 16)[0]
    if error:
        sys.exit(f"hog.py: {os.strerror(-error)}")
    print("ready", flush=True)
    signal.pause()


main()
