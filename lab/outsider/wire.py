# SPDX-License-Identifier: BSD-2-Clause
"""Frames as an outsider sends them: from any address, with its own MAC address."""
import socket
import struct


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source, destination, port, payload):
    length = 8 + len(payload)
    pseudo = (socket.inet_aton(source) + socket.inet_aton(destination) +
              struct.pack("!BBH", 0, 17, length))
    head = struct.pack("!HHHH", port, port, length, 0)
    total = checksum(pseudo + head + payload) or 0xFFFF
    return ipv4(source, destination, 17, head[:6] + struct.pack("!H", total) + payload)


class Interface:
    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((name, 0))
        self.own = self.socket.getsockname()[4]

    def send(self, destination_mac, packet):
        self.socket.send(destination_mac + self.own + b"\x08\x00" + packet)
