#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""replay.py PCAP UNTIL INTERFACE GATEWAY GATEWAY-MAC ROUTER-MAC

Sends ESP packets of a capture again that were caught before UNTIL (seconds): those to
GATEWAY to its present holder, the others to the router towards the clients.
"""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analyse"))
import pcap  # noqa: E402
from wire import Interface, mac  # noqa: E402

MOST = 2000
PACE_S = 0.001


def main():
    path, until, name, gateway, gateway_mac, router_mac = sys.argv[1:]
    until_ns = int(float(until) * 1e9)
    gateway = int.from_bytes(socket.inet_aton(gateway), "big")
    interface, count = Interface(name), {True: 0, False: 0}
    found = []
    for time_ns, frame in pcap.frames(path):
        packet = pcap.parse(time_ns, frame)
        if packet.kind == pcap.ESP and time_ns < until_ns:
            found.append((packet.dst == gateway, frame[14:]))
    for to_gateway, packet in found[-MOST:]:
        interface.send(mac(gateway_mac if to_gateway else router_mac), packet)
        count[to_gateway] += 1
        time.sleep(PACE_S)
    print(f"sent again to_gateway={count[True]} to_clients={count[False]}")


main()
