#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""service.py serve PORT: answers what comes, by UDP and by TCP, with the same octets.
service.py ask ADDRESS PORT: exit status 0 if it is answered by UDP within 3 s.
service.py talk ADDRESS PORT SECONDS: by TCP a line five times a second; when nothing is acknowledged for SECONDS, or
at any other error, what the application sees, and the end."""
import select
import socket
import sys
import time


def serve(port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("", port))
    listening.listen()
    connections = []
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([udp, listening, *connections], [], [])
        for s in ready:
            if s is udp:
                udp.sendto(*udp.recvfrom(2048))
            elif s is listening:
                connections.append(listening.accept()[0])
            else:
                data = s.recv(2048)
                if data:
                    s.sendall(data)
                else:
                    connections.remove(s)
                    s.close()


def ask(address, port):
    end = time.monotonic() + 3
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.2)
        udp.connect((address, port))
        while time.monotonic() < end:
            try:
                udp.send(b"who is there?")
                return udp.recv(2048) == b"who is there?"
            except OSError:
                time.sleep(0.05)  # refused, or nobody answers
    return False


def talk(address, port, patience):
    with socket.create_connection((address, port), 10) as tcp:
        tcp.settimeout(None)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience * 1000))
        print("connected", flush=True)
        answered = 0
        last = time.monotonic()
        try:
            while True:
                tcp.sendall(b"line\n")
                if tcp.recv(2048) == b"":
                    raise OSError("closed by the other side")
                answered += 1
                last = time.monotonic()
                print("answered", answered, flush=True)
                time.sleep(0.2)
        except OSError as e:
            print(f"after {time.monotonic() - last:.1f} s of silence: {e.strerror or e}", flush=True)


def main():
    match sys.argv[1:]:
        case ["serve", port]:
            serve(int(port))
        case ["ask", address, port]:
            sys.exit(0 if ask(address, int(port)) else 1)
        case ["talk", address, port, seconds]:
            talk(address, int(port), float(seconds))
        case _:
            sys.exit(__doc__)


main()
