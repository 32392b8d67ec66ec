#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""flood.py INTERFACE GATEWAY GATEWAY-MAC ESP IKE SOURCES

Sends so many ESP packets, and so many IKE messages, with random SPIs to GATEWAY, from so many addresses.
"""
import random
import sys
import time

from wire import Interface, ipv4, mac, udp

BURST, PACE_S = 20, 0.01
ESP, INFORMATIONAL = 50, 37


def main():
    name, gateway, gateway_mac, esp, ike, sources = sys.argv[1:]
    interface, rng, to = Interface(name), random.Random(4520), mac(gateway_mac)
    froms = [f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(int(sources))]
    kinds = ["esp"] * int(esp) + ["ike"] * int(ike)
    rng.shuffle(kinds)
    began = time.monotonic()
    for i, kind in enumerate(kinds):
        source = rng.choice(froms)
        if kind == "esp":
            packet = ipv4(source, gateway, ESP, rng.randbytes(76))
        else:
            head = rng.randbytes(16) + bytes([46, 0x20, INFORMATIONAL, 8]) + bytes(7) + bytes([60])
            packet = udp(source, gateway, 500, head + rng.randbytes(32))
        interface.send(to, packet)
        if i % BURST == BURST - 1:
            time.sleep(PACE_S)
    print(f"sent esp={esp} ike={ike} in {time.monotonic() - began:.1f} s")


main()
